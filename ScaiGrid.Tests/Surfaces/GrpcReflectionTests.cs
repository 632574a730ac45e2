using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Grpc.Reflection.V1Alpha;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Health and reflection need no key, so that anyone may send them messages.</summary>
public sealed class GrpcReflectionTests(Grid grid) : GridTest(grid)
{
    private const int Most = 64 * 1024;

    [Fact]
    public async Task MessageWithoutAKey_MustNotBeLarge()
    {
        using var channel = GrpcChannel.ForAddress(Grid.GrpcAddress);
        using (var reflection = new ServerReflection.ServerReflectionClient(channel).ServerReflectionInfo(cancellationToken: TestContext.Current.CancellationToken))
        {
            // Some bytes of a message are its own.
            await reflection.RequestStream.WriteAsync(Symbol(Most - 16), TestContext.Current.CancellationToken);
            Assert.True(await reflection.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
            Assert.Equal((int)StatusCode.NotFound, reflection.ResponseStream.Current.ErrorResponse.ErrorCode);

            try
            {
                await reflection.RequestStream.WriteAsync(Symbol(Most), TestContext.Current.CancellationToken);
            }
            catch (RpcException)
            {
                // The call may end before all of the message is written: its length was enough.
            }

            var failure = await Assert.ThrowsAsync<RpcException>(() => reflection.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
            Assert.Equal(StatusCode.ResourceExhausted, failure.StatusCode);
        }

        var health = new Health.HealthClient(channel);
        Assert.Equal(StatusCode.NotFound, (await RefusedAsync(Most - 16)).StatusCode);
        Assert.Equal(StatusCode.ResourceExhausted, (await RefusedAsync(Most)).StatusCode);

        async Task<RpcException> RefusedAsync(int length) =>
            await Assert.ThrowsAsync<RpcException>(() => health.CheckAsync(new HealthCheckRequest { Service = new string('x', length) }).ResponseAsync);
    }

    private static ServerReflectionRequest Symbol(int length) => new() { FileContainingSymbol = new string('x', length) };
}
