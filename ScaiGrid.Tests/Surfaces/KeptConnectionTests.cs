using ScaiGrid.Tests.Platform;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Upstreams that misuse kept-alive connections. Many callers run at the same time, so that connections are reused immediately.</summary>
public sealed class KeptConnectionTests(Grid grid) : ServicesTest(grid)
{
    private const int Callers = 16;
    private const int CallsEach = 20;

    [Fact]
    public async Task UpstreamThatClosesBehindEachAnswer_CostsNoCall()
    {
        using var certificate = new TestCertificate();
        await using var plain = new RawUpstream { ClosesSilently = true };
        await using var tls = new RawUpstream(certificate) { ClosesSilently = true };
        await CallAsync(certificate, plain, tls);
        Assert.InRange(plain.Accepted, Callers * CallsEach, int.MaxValue);
        Assert.InRange(tls.Accepted, Callers * CallsEach, int.MaxValue);
    }

    [Fact]
    public async Task UpstreamThatSaysMoreThanItsAnswer_IsNotTakenForAnotherCallsAnswer()
    {
        using var certificate = new TestCertificate();
        await using var plain = new RawUpstream { Unasked = "somebody else's answer" };
        await using var tls = new RawUpstream(certificate) { Unasked = "somebody else's answer" };
        await CallAsync(certificate, plain, tls);
    }

    // Uses a separate replica that trusts the upstreams' certificate.
    private async Task CallAsync(TestCertificate certificate, params RawUpstream[] upstreams)
    {
        using var data = new TemporaryFolder();
        certificate.WriteTo(data.Path);
        await using var replica = await Replica.StartAsync(Mode.Http, new Dictionary<string, string>(Services.Settings)
        {
            ["SCAIGRID_DATA_DIR"] = data.Path,
            ["SSL_CERT_FILE"] = Path.Combine(data.Path, "fullchain.pem"),
        });
        using var api = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        foreach (var upstream in upstreams)
        {
            await CallAsync(api, upstream);
        }

        Assert.Matches("(?m)^scaigrid_upstream_requests_sent_again_total[^\n]* [1-9]", (await api.GetAsync("/metrics")).Text);
    }

    private static async Task CallAsync(ApiDriver api, RawUpstream upstream)
    {
        var model = await RoutedModel.CreateAsync(api, [new(upstream.BaseUrl, "m")]);
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async caller =>
        {
            for (var i = 0; i < CallsEach; i++)
            {
                var answer = await api.ChatAsync(model.Slug, $"call {caller}-{i}");
                Assert.Equal($"call {caller}-{i}", (string?)answer.Ok()["choices"]![0]!["message"]!["content"]);
            }
        }));

        // Each call was answered once: only requests that the upstream cannot have read are sent again.
        Assert.Equal(Callers * CallsEach, upstream.Answered);
    }
}
