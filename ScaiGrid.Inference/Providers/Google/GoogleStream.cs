using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Translates the documents of a streamed answer. The format has no end marker, and some models send more than one finish reason: the last
/// one counts, at the end of the body.
/// </summary>
internal sealed class GoogleStream(UpstreamAddress address, TimeProvider time, byte[] modelJson) : ChunkTranslator(time.GetUtcNow().ToUnixTimeSeconds())
{
    private readonly List<Candidate> _candidates = [];

    private GoogleUsage _usage;
    private int _calls;
    private bool _hasText;

    public override TokenUsage? UsageSoFar => _usage.Exists ? _usage.Tokens : null;

    public override UpstreamError? Read(ReadOnlyMemory<byte> data)
    {
        using var document = JsonDocument.Parse(data);
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new JsonException("An event must be an object.");
        }

        if (root.TryGetProperty("error"u8, out _))
        {
            return UpstreamErrors.FromEvent(data, address);
        }

        if (!HasHead)
        {
            SetHead(GoogleFormat.Id(root, time), GoogleFormat.Property(root, "modelVersion"u8, modelJson));
        }

        _usage.Add(root);
        if (GoogleFinish.IsBlocked(root))
        {
            At(0).Finish = "content_filter";
        }

        foreach (var candidate in root.Items("candidates"u8))
        {
            if (ReadCandidate(root, candidate) is { } failed)
            {
                return failed;
            }
        }

        return null;
    }

    public override UpstreamError? EndOfBody()
    {
        if (_candidates.Count == 0 || _candidates.Exists(candidate => candidate.Finish is null))
        {
            return null;
        }

        // Only now, because another candidate may have an answer.
        if (!_hasText && _calls == 0 && _candidates.Exists(candidate => candidate.IsUnexplained))
        {
            return GoogleFinish.NoAnswer;
        }

        for (var i = 0; i < _candidates.Count; i++)
        {
            StartDelta(i, _candidates[i].TakeRole());
            AddSignature(_candidates[i].Signature);
            EndDelta(Encoding.ASCII.GetBytes(_candidates[i].Finish!));
        }

        if (_usage.Exists)
        {
            AddUsage(_usage.Tokens);
        }

        SawEnd = true;
        return null;
    }

    private UpstreamError? ReadCandidate(JsonElement answer, JsonElement candidate)
    {
        var index = candidate.TryGetProperty("index"u8, out var position) && position.ValueKind == JsonValueKind.Number && position.TryGetInt32(out var number) ? number : 0;
        if (index is < 0 or > 127)
        {
            throw new JsonException("The index of a candidate is out of range.");
        }

        var state = At(index);
        if (candidate.TryGetObject("content"u8, out var content))
        {
            foreach (var part in content.Items("parts"u8))
            {
                ReadPart(answer, part, state, index);
            }
        }

        if (GoogleFinish.Of(candidate, state.Calls > 0, out var failed) is { } finish)
        {
            (state.Finish, state.IsUnexplained) = (finish, GoogleFinish.IsUnexplained(candidate));
        }

        return failed;
    }

    private void ReadPart(JsonElement answer, JsonElement part, Candidate state, int index)
    {
        if (part.TryGetObject("functionCall"u8, out var call))
        {
            AddCall(answer, part, call, state, index);
            return;
        }

        state.Signature = JsonText.Of(part, "thoughtSignature"u8) ?? state.Signature;
        if (part.TryGetString("text"u8, out var text) && text.RawInner().Length > 0)
        {
            var isThought = part.TryGetProperty("thought"u8, out var thought) && thought.ValueKind == JsonValueKind.True;
            _hasText |= !isThought;
            AddText(index, state.TakeRole(), isThought ? "reasoning_content"u8 : "content"u8, text.RawInner());
        }
    }

    // Calls arrive complete in this format.
    private void AddCall(JsonElement answer, JsonElement part, JsonElement call, Candidate state, int index)
    {
        StartDelta(index, state.TakeRole());
        Add("\"tool_calls\":[{\"index\":"u8);
        Add(state.Calls++);
        Add(",\"id\":"u8);
        Add(Quoted(GoogleFormat.CallId(call, answer, _calls++, time)));
        Add(",\"type\":\"function\",\"function\":{\"name\":"u8);
        Add(GoogleNames.Ours(GoogleFormat.Property(call, "name"u8, "\"\""u8)));
        Add(",\"arguments\":"u8);
        Add(call.TryGetObject("args"u8, out var args) ? Quoted(args.GetRawText()) : "\"{}\""u8);
        Add("},"u8);
        AddSignature(JsonText.Of(part, "thoughtSignature"u8));
        EndCall();
        EndDelta();
    }

    private void AddSignature(string? signature)
    {
        if (signature is not null)
        {
            Add("\"extra_content\":{\"google\":{\"thought_signature\":"u8);
            Add(Quoted(signature));
            Add("}},"u8);
        }
    }

    private void EndCall()
    {
        DropComma();
        Add("}]"u8);
    }

    private static byte[] Quoted(string text) => JsonSerializer.SerializeToUtf8Bytes(text, TranslationJson.Text);

    private Candidate At(int index)
    {
        while (_candidates.Count <= index)
        {
            _candidates.Add(new Candidate());
        }

        return _candidates[index];
    }

    private sealed class Candidate
    {
        private bool _hasRole;

        public int Calls { get; set; }

        public string? Finish { get; set; }

        public bool IsUnexplained { get; set; }

        public string? Signature { get; set; }

        public bool TakeRole() => !_hasRole && (_hasRole = true);
    }
}
