using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;
using Xunit;

namespace ScaiGrid.Tests.Inference;

/// <summary>A scan that reuses the result of the previous chunk gives the same result as a scan of each chunk alone.</summary>
public sealed class ChunkScannerTests
{
    private const string Head = """{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":""";

    private static readonly ModelRoute Route = Routes.Make("my/model");

    private static readonly string[] Chunks =
    [
        Plain("Hello"),
        Plain(" world"),
        Plain(""),
        Plain("é😀"),
        Head + "\"a\\\"b\\n\"},\"finish_reason\":null}],\"usage\":null}",
        Plain("after an escape"),
        Head + "\"x\",\"content\":\"y\"},\"finish_reason\":null}],\"usage\":null}",
        Head + "\"two\"}},{\"index\":1,\"delta\":{\"content\":\"texts\"},\"finish_reason\":null}],\"usage\":null}",
        Plain("again"),
        Plain("again and longer, so that what follows has moved"),
        """{"id":"c","model":"other","choices":[{"index":0,"delta":{"content":"model changed"},"finish_reason":null}],"usage":null}""",
        """{"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]},"finish_reason":null}]}""",
        """{"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":": 1}"}}]},"finish_reason":null}]}""",
        """{"usage":null,"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"usage first"},"finish_reason":null}]}""",
        """{"usage":null,"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"usage first again"},"finish_reason":null}]}""",
        ModelBehind("Azure's order"),
        ModelBehind("is another"),
        Head + "\"end\"},\"finish_reason\":\"stop\"}],\"usage\":null}",
        Head + "\"end\"},\"finish_reason\":\"stop\"}],\"usage\":null}",
        """{"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}""",
    ];

    [Fact]
    public void EveryPairOfChunks_GivesWhatEachByItselfGives()
    {
        foreach (var first in Chunks)
        {
            foreach (var second in Chunks)
            {
                using var output = new PooledBytes();
                using var scanner = new ChunkScanner(output);
                scanner.Scan(Encoding.UTF8.GetBytes(first));
                var length = output.Length;
                var view = scanner.Scan(Encoding.UTF8.GetBytes(second));

                using var expectedOutput = new PooledBytes();
                var expected = ChunkView.Scan(Encoding.UTF8.GetBytes(second), expectedOutput);
                Assert.Equal((expected.Id, expected.Created, expected.Model), (view.Id, view.Created, view.Model));
                Assert.Equal((expected.UsageProperty, expected.Usage), (view.UsageProperty, view.Usage));
                Assert.Equal((expected.HasChoices, expected.HasFinish, expected.IsError), (view.HasChoices, view.HasFinish, view.IsError));
                Assert.Equal(Encoding.UTF8.GetString(expectedOutput.Span), Encoding.UTF8.GetString(output.Span[length..]));
                Assert.Equal(second, Encoding.UTF8.GetString(view.Json.Span));
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void EveryPairOfChunks_IsRenderedByTemplateAsByItself(bool withUsage)
    {
        foreach (var first in Chunks)
        {
            // Repeated chunks: the second is recognized as similar to the first, and the third is then written from the template.
            foreach (var second in Chunks)
            {
                using var output = new PooledBytes();
                using var scanner = new ChunkScanner(output);
                using var template = new ChunkTemplate();
                foreach (var chunk in (string[])[first, first, first, second, second, Plain("and more")])
                {
                    var view = scanner.Scan(Encoding.UTF8.GetBytes(chunk));
                    using var expected = new PooledBytes();
                    ChunkWriter.WriteEvent(expected, ChunkView.Scan(Encoding.UTF8.GetBytes(chunk), output: null), Route, withUsage);
                    using var actual = new PooledBytes();
                    if (template.TryWrite(actual, view, withUsage, static (usage, body, sample) => ChunkWriter.WriteEvent(body, sample, Route, usage)))
                    {
                        Assert.Equal(Encoding.UTF8.GetString(expected.Span), Encoding.UTF8.GetString(actual.Span));
                    }
                }
            }
        }
    }

    [Fact]
    public void ChunksLikeTheOneBefore_ComeByTheTemplate()
    {
        using var output = new PooledBytes();
        using var scanner = new ChunkScanner(output);
        using var template = new ChunkTemplate();
        var written = new[] { "one", " two", " three", "" }.Count(text =>
        {
            using var body = new PooledBytes();
            var view = scanner.Scan(Encoding.UTF8.GetBytes(Plain(text)));
            return template.TryWrite(body, view, true, static (usage, target, sample) => ChunkWriter.WriteEvent(target, sample, Route, usage));
        });
        Assert.Equal(3, written);
    }

    [Theory]
    [InlineData("a\"")]
    [InlineData("a\n")]
    [InlineData("\"},\"x\":{\"content\":\"")]
    public void TextThatWouldBreakTheString_IsLeftToTheParser(string text)
    {
        using var output = new PooledBytes();
        using var scanner = new ChunkScanner(output);
        scanner.Scan(Encoding.UTF8.GetBytes(Plain("fine")));
        var chunk = Encoding.UTF8.GetBytes(Plain(text));
        var expected = Record.Exception(() => ChunkView.Scan(chunk, output: null));
        var actual = Record.Exception(() => scanner.Scan(chunk));
        Assert.Equal(expected is JsonException, actual is JsonException);
    }

    private static string Plain(string text) => $"{Head}\"{text}\"}},\"finish_reason\":null}}],\"usage\":null}}";

    private static string ModelBehind(string text) =>
        $"{{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null,\"index\":0}}],\"created\":5,\"id\":\"c\",\"model\":\"m\",\"usage\":null}}";
}
