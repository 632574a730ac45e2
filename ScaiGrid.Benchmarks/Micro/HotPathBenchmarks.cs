using System.Collections.Frozen;
using BenchmarkDotNet.Attributes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Providers.Anthropic;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Benchmarks.Micro;

/// <summary>The individual steps of a call that are our own code.</summary>
[MemoryDiagnoser]
public class HotPathBenchmarks : IDisposable
{
    private static readonly byte[] Body =
        """{"model":"crowd/7","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"What is a gateway?"}],"temperature":0.7}"""u8.ToArray();

    private static readonly byte[] Chunk =
        """{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"usage":null}"""u8.ToArray();

    private static readonly byte[] MessageStart =
        """{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"usage":{"input_tokens":20,"output_tokens":1}}}"""u8.ToArray();

    private static readonly byte[] BlockStart = """{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"""u8.ToArray();

    private static readonly byte[] Delta = """{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" word"}}"""u8.ToArray();

    private readonly PooledBytes _output = new();
    private readonly PooledBytes _body = new();
    private readonly ChunkTemplate _template = new();
    private ChunkScanner _scanner = null!;
    private ChunkTranslator _translator = null!;
    private GridSnapshot _snapshot = null!;
    private ModelRoute _route = null!;
    private string _key = "";

    [GlobalSetup]
    public void Setup()
    {
        var caller = new Caller
        {
            UserId = "usr_1",
            Email = "",
            DisplayName = "",
            TenantId = "tnt_1",
            TenantSlug = "t",
            PartnerId = "prt_1",
            PartnerSlug = "p",
            Roles = [],
            Permissions = [],
        };
        var keys = Enumerable.Range(1, Crowd.Keys).Select(n => $"sgk_benchmark-{n:D30}").ToList();
        _key = keys[^1];
        _snapshot = new GridSnapshot
        {
            Revision = 1,
            Keys = keys.ToFrozenDictionary(key => ApiKeyHash.Of(key), _ => caller),
            Users = new Dictionary<string, Caller>(),
            Subjects = new Dictionary<string, IReadOnlyList<KnownSubject>>(),
            IssuerTenants = FrozenDictionary<string, string>.Empty,
            Models = Enumerable.Range(1, Crowd.Models).Select(Route).ToFrozenDictionary(route => route.Slug),
        };
        _route = _snapshot.Models["crowd/7"];
        _scanner = new ChunkScanner(_output);
        _translator = new AnthropicStream(new UpstreamAddress("", [], []), created: 1700000000);
        _translator.Read(MessageStart);
        _translator.Read(BlockStart);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _output.Dispose();
        _body.Dispose();
        _template.Dispose();
        _scanner.Dispose();
        _translator.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Finds the caller by key and the route by slug, among those of <see cref="Crowd"/>.</summary>
    [Benchmark]
    public object? SnapshotLookup() => _snapshot.FindModel("crowd/7", _snapshot.Keys[ApiKeyHash.Of(_key)]);

    /// <summary>Reads and validates a request.</summary>
    [Benchmark]
    public bool BodyScan()
    {
        var body = new PooledBytes(Body.Length);
        body.Append(Body);
        using var request = ChatRequestReader.Read(body, out _);
        return request is not null;
    }

    /// <summary>Relays a chunk in OpenAI's format: recognised by its shape, written with the frontend model's name.</summary>
    [Benchmark]
    public int SameFormatChunk() => Relay(Chunk);

    /// <summary>Relays the same text in Anthropic's format.</summary>
    [Benchmark]
    public int TranslatedChunk()
    {
        _translator.Read(Delta);
        var length = 0;
        while (_translator.TryTake(out var chunk))
        {
            length += Relay(chunk);
        }

        return length;
    }

    private int Relay(ReadOnlyMemory<byte> chunk)
    {
        var view = _scanner.Scan(chunk);
        if (!_template.TryWrite(_body, view, _route, static (route, body, sample) => ChunkWriter.WriteEvent(body, sample, route, withUsage: true)))
        {
            ChunkWriter.WriteEvent(_body, view, _route, withUsage: true);
        }

        var length = _body.Length;
        _body.Clear();
        _output.Clear();
        return length;
    }

    private static ModelRoute Route(int n) => new()
    {
        Id = $"mdl_{n}",
        Slug = $"crowd/{n}",
        DisplayName = "",
        Description = "",
        Modality = "chat",
        Capabilities = [],
        Prices = default,
        Status = "active",
        CreatedAt = DateTimeOffset.UnixEpoch,
        Targets = [],
    };
}
