using System.Text.Json.Nodes;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>Requests to an upstream that closes its connection after each response.</summary>
public sealed class UpstreamHttpTests
{
    [Fact]
    public async Task FormThatIsSentAgain_ComesWhole_AndOnce()
    {
        const int Callers = 16;
        const int Each = 20;
        await using var upstream = new RawUpstream { ClosesSilently = true };
        using var http = new UpstreamHttp(new InferenceOptions(), TimeProvider.System);
        var endpoint = new Uri($"{upstream.BaseUrl}/audio/transcriptions");
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
        {
            for (var i = 0; i < Each; i++)
            {
                // The form is larger than the client's buffer, so that it is sent in several writes.
                using var form = new MultipartFormDataContent { { new StringContent("m"), "model" }, { new ByteArrayContent(new byte[10_000]), "file", "a.wav" } };
                using var request = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = form };
                using var response = await http.SendAsync(request, authority: null, TestContext.Current.CancellationToken);
                var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
                Assert.Equal($"{form.Headers.ContentLength} bytes", (string?)answer["choices"]![0]!["message"]!["content"]);
            }
        }));

        Assert.Equal(Callers * Each, upstream.Answered);
    }
}
