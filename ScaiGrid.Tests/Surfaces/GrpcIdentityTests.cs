using Grpc.Core;
using Grpc.Net.Client;
using ScaiGrid.Core.Identity;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>gRPC accepts the same callers as HTTP, with the same permissions.</summary>
public sealed class GrpcIdentityTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData(Roles.TenantViewer)]
    [InlineData(Roles.TenantUser)]
    [InlineData(Roles.TenantAdmin)]
    [InlineData(Roles.PartnerViewer)]
    [InlineData(Roles.PartnerAdmin)]
    [InlineData(Roles.SuperAdmin)]
    public async Task Role_MayWhatItMayOverHttp(string role)
    {
        using var user = await (await SeededTenant.CreateAsync(Grid)).AddUserAsync(role);
        await KnownAsync(Grid.GrpcAddress, user.Api.Key!);
        foreach (var (method, call) in Calls)
        {
            // HTTP declares the same permissions for the same operations.
            var permission = method == "ListModels" ? Permissions.ListModels : Permissions.UseModels;
            Assert.Equal((method, Expected(role, permission)), (method, await call(Grid.GrpcAddress, user.Api.Key)));
        }
    }

    [Fact]
    public async Task EveryMethod_KnowsItsCaller()
    {
        Assert.Equal(InferenceService.Descriptor.Methods.Select(method => method.Name).Order(), Calls.Keys.Order());
        foreach (var (method, call) in Calls)
        {
            foreach (var key in new[] { null, "sgk_0123456789abcdefghijklmnopqrstuvwxyz-ABCDEF", "eyJ.e.e", "sgt_a.b.c", "a-service-token-that-nobody-was-given" })
            {
                Assert.Equal((method, key, StatusCode.Unauthenticated), (method, key, await call(Grid.GrpcAddress, key)));
            }
        }
    }

    [Fact]
    public async Task NarrowKey_DoesWhatItsScopesSay()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        var (_, key) = await tenant.CreateKeyAsync(user.Id, Permissions.ListModels);
        await KnownAsync(Grid.GrpcAddress, key);
        Assert.Equal(StatusCode.OK, await ListAsync(Grid.GrpcAddress, key));
        Assert.Equal(StatusCode.PermissionDenied, await ChatAsync(Grid.GrpcAddress, key));
    }

    [Fact]
    public async Task SuspendedUser_IsShutOut()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        await KnownAsync(Grid.GrpcAddress, user.Api.Key!);
        await tenant.SuspendAsync(user);
        await Poll.UntilAsync(async () => await ChatAsync(Grid.GrpcAddress, user.Api.Key) == StatusCode.Unauthenticated, "the suspension over gRPC");
        Assert.Equal(StatusCode.Unauthenticated, await ListAsync(Grid.GrpcAddress, key: null));
    }

    private static readonly Dictionary<string, Func<Uri, string?, Task<StatusCode>>> Calls = new()
    {
        ["Chat"] = ChatAsync,
        ["StreamChat"] = StreamAsync,
        ["Embed"] = EmbedAsync,
        ["ListModels"] = ListAsync,
    };

    private static StatusCode Expected(string role, string permission) => Roles.Holds[role].Contains(permission) ? StatusCode.OK : StatusCode.PermissionDenied;

    internal static Task<TimeSpan> KnownAsync(Uri address, string key) =>
        Poll.UntilAsync(async () => await ListAsync(address, key) != StatusCode.Unauthenticated, "the key over gRPC");

    internal static Task<StatusCode> ListAsync(Uri address, string? key) =>
        CallAsync(address, client => client.ListModelsAsync(new ListModelsRequest(), Authorization(key)).ResponseAsync);

    internal static Task<StatusCode> ChatAsync(Uri address, string? key) => CallAsync(address, client => client.ChatAsync(Request(), Authorization(key)).ResponseAsync);

    // The echo model does not support embeddings. InvalidArgument shows that the caller has the permission.
    private static async Task<StatusCode> EmbedAsync(Uri address, string? key) =>
        await CallAsync(address, client => client.EmbedAsync(new EmbedRequest { Model = "scailabs/echo", Input = { "hi" } }, Authorization(key)).ResponseAsync)
            is var status and not StatusCode.InvalidArgument ? status : StatusCode.OK;

    private static Task<StatusCode> StreamAsync(Uri address, string? key) => CallAsync(address, async client =>
    {
        using var call = client.StreamChat(Request(), Authorization(key));
        await foreach (var chunk in call.ResponseStream.ReadAllAsync())
        {
            Assert.Equal("scailabs/echo", chunk.Model);
        }
    });

    private static async Task<StatusCode> CallAsync(Uri address, Func<InferenceService.InferenceServiceClient, Task> call)
    {
        using var channel = GrpcChannel.ForAddress(address);
        try
        {
            await call(new InferenceService.InferenceServiceClient(channel));
            return StatusCode.OK;
        }
        catch (RpcException exception)
        {
            return exception.StatusCode;
        }
    }

    private static ChatRequest Request() => new() { Model = "scailabs/echo", Messages = { new ChatMessage { Role = "user", Content = "hi" } } };

    private static Metadata Authorization(string? key) => key is null ? [] : new Metadata { { "authorization", $"Bearer {key}" } };
}
