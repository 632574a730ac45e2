using System.Collections.Frozen;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>The facts found in an error document, at any depth.</summary>
internal sealed class UpstreamErrorFacts
{
    /// <summary>The assumed time, in seconds, until an exhausted account is refilled.</summary>
    private const int EmptyAccountPause = 300;

    /// <summary>OpenAI's code for encrypted reasoning that it cannot decrypt, because it is another organization's or resource's.</summary>
    public const string ForeignThoughts = "invalid_encrypted_content";

    /// <summary>OpenAI's code for content that its policy does not allow.</summary>
    public const string ContentPolicy = "content_policy_violation";

    /// <summary>OpenAI's code for a prompt or picture that GPT Image's moderation does not allow.</summary>
    private const string BlockedImage = "moderation_blocked";

    /// <summary>The longest pause of a backend: a longer wait told to this caller would contradict what the next call is told.</summary>
    private static readonly double LongestPause = BackendHealth.LongestPause.TotalSeconds;

    /// <summary>
    /// Anthropic's exhausted account, or spend limit of an account or workspace, which only differ from an invalid request by their text. Matched at the
    /// start of the text only: errors repeat what the caller wrote, which must not be able to open a backend's circuit.
    /// </summary>
    private static readonly string[] Exhausted = ["Your credit balance is too low", "You have reached your specified"];

    /// <summary>A wrong key, for upstreams that report it as 400 without a code, such as xAI. At the start of the text only, for the same reason.</summary>
    private static readonly string[] BadKey = ["Incorrect API key", "Invalid API key", "Invalid API-key", "API key not valid"];

    /// <summary>xAI's refusal of content, which it reports as 403.</summary>
    private const string RefusedContent = "Content violates usage guidelines";

    /// <summary>
    /// Anthropic's schemas (of the output and of strict tools) that are too large together. The limit is not documented, so it is found out by asking.
    /// </summary>
    private static readonly string[] TooComplex = ["The compiled grammar is too large", "Schema is too complex"];

    /// <summary>
    /// One request with more tokens than the upstream allows per minute, reported as a rate limit although waiting does not help: Groq and OpenAI.
    /// </summary>
    private const string TooLarge = "Request too large for";

    /// <summary>
    /// A context that is too long, for upstreams without a code for it: Anthropic, Google, Mistral and vLLM, SGLang, Model Studio; xAI, Kimi, LM Studio,
    /// MiniMax, Bedrock, Ollama.
    /// </summary>
    private static readonly string[] TooLong =
    [
        "prompt is too long", "exceed context limit", "exceeds the maximum number of tokens", "maximum context length", "context length is only", "longer than the maximum model length",
        "longer than the model's context length", "range of input length should be",
        "maximum prompt length is", "exceeded model token limit", "greater than the context length", "context window exceeds limit",
        "input is too long for requested model", "prompt too long; exceeded",
    ];

    /// <summary>Codes that are more specific than their HTTP status, or have none because they are inside a stream.</summary>
    private static readonly FrozenDictionary<string, UpstreamFailure> Words = new Dictionary<string, UpstreamFailure>(StringComparer.OrdinalIgnoreCase)
    {
        // OpenAI, Azure and compatible servers.
        ["rate_limit_exceeded"] = UpstreamFailure.RateLimited,
        ["server_error"] = UpstreamFailure.ServerError,
        ["internal_error"] = UpstreamFailure.ServerError,
        ["invalid_api_key"] = UpstreamFailure.Misconfigured,
        ["model_not_found"] = UpstreamFailure.Misconfigured,
        ["DeploymentNotFound"] = UpstreamFailure.Misconfigured,
        ["content_filter"] = UpstreamFailure.RequestRefused,
        [ContentPolicy] = UpstreamFailure.RequestRefused,
        ["context_length_exceeded"] = UpstreamFailure.RequestRefused,

        // OpenAI's Responses API, for an answer that failed.
        ["invalid_prompt"] = UpstreamFailure.RequestRefused,
        ["bio_policy"] = UpstreamFailure.RequestRefused,
        ["invalid_image"] = UpstreamFailure.RequestRefused,
        ["invalid_image_format"] = UpstreamFailure.RequestRefused,
        ["invalid_base64_image"] = UpstreamFailure.RequestRefused,
        ["invalid_image_url"] = UpstreamFailure.RequestRefused,
        ["image_too_large"] = UpstreamFailure.RequestRefused,
        ["image_too_small"] = UpstreamFailure.RequestRefused,
        ["image_parse_error"] = UpstreamFailure.RequestRefused,
        ["image_content_policy_violation"] = UpstreamFailure.RequestRefused,
        [BlockedImage] = UpstreamFailure.RequestRefused,
        ["image_file_too_large"] = UpstreamFailure.RequestRefused,
        ["unsupported_image_media_type"] = UpstreamFailure.RequestRefused,
        ["empty_image_file"] = UpstreamFailure.RequestRefused,
        ["failed_to_download_image"] = UpstreamFailure.RequestRefused,
        ["image_file_not_found"] = UpstreamFailure.RequestRefused,

        // llama.cpp.
        ["exceed_context_size_error"] = UpstreamFailure.RequestRefused,

        // Groq's flex tier is full; the others are about its model's output: usually another attempt succeeds.
        ["capacity_exceeded"] = UpstreamFailure.RateLimited,
        ["tool_use_failed"] = UpstreamFailure.ModelFailed,
        ["json_validate_failed"] = UpstreamFailure.ModelFailed,

        // Anthropic.
        ["rate_limit_error"] = UpstreamFailure.RateLimited,
        ["overloaded_error"] = UpstreamFailure.ServerError,
        ["api_error"] = UpstreamFailure.ServerError,
        ["timeout_error"] = UpstreamFailure.TimedOut,
        ["authentication_error"] = UpstreamFailure.Misconfigured,
        ["permission_error"] = UpstreamFailure.Misconfigured,
        ["not_found_error"] = UpstreamFailure.Misconfigured,
        ["invalid_request_error"] = UpstreamFailure.RequestRefused,
        ["request_too_large"] = UpstreamFailure.RequestRefused,

        // Google.
        ["RESOURCE_EXHAUSTED"] = UpstreamFailure.RateLimited,
        ["UNAVAILABLE"] = UpstreamFailure.ServerError,
        ["INTERNAL"] = UpstreamFailure.ServerError,
        ["CANCELLED"] = UpstreamFailure.ServerError,
        ["DEADLINE_EXCEEDED"] = UpstreamFailure.TimedOut,
        ["API_KEY_INVALID"] = UpstreamFailure.Misconfigured,
        ["UNAUTHENTICATED"] = UpstreamFailure.Misconfigured,
        ["PERMISSION_DENIED"] = UpstreamFailure.Misconfigured,
        ["NOT_FOUND"] = UpstreamFailure.Misconfigured,
        ["FAILED_PRECONDITION"] = UpstreamFailure.Misconfigured,
        ["INVALID_ARGUMENT"] = UpstreamFailure.RequestRefused,

        // Alibaba Cloud.
        ["limit_requests"] = UpstreamFailure.RateLimited,
        ["limit_burst_rate"] = UpstreamFailure.RateLimited,
        ["Throttling"] = UpstreamFailure.RateLimited,
        ["Throttling.RateQuota"] = UpstreamFailure.RateLimited,
        ["Throttling.AllocationQuota"] = UpstreamFailure.RateLimited,
        ["InvalidApiKey"] = UpstreamFailure.Misconfigured,
        ["access_denied"] = UpstreamFailure.Misconfigured,
        ["data_inspection_failed"] = UpstreamFailure.RequestRefused,
        ["DataInspectionFailed"] = UpstreamFailure.RequestRefused,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>Codes for which a short wait does not help, with the seconds to wait if the upstream gives none.</summary>
    private static readonly FrozenDictionary<string, int> Pauses = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase)
    {
        // OpenAI: until the bill is paid, or the month ends.
        ["credit_balance_exhausted"] = EmptyAccountPause,
        ["organization_spend_limit_exceeded"] = EmptyAccountPause,
        ["organization_usage_limit_exceeded"] = EmptyAccountPause,
        ["project_spend_limit_exceeded"] = EmptyAccountPause,
        ["billing_not_active"] = EmptyAccountPause,
        ["billing_hard_limit_reached"] = EmptyAccountPause,

        // Anthropic and Alibaba Cloud.
        ["billing_error"] = EmptyAccountPause,
        ["Arrearage"] = EmptyAccountPause,

        // Any of these, without a more specific code; but at Alibaba Cloud the tokens per minute.
        ["insufficient_quota"] = 60,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reasons that OpenAI's clients branch on, by OpenAI's codes, for all upstreams.</summary>
    private static readonly FrozenDictionary<string, string> Codes = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["context_length_exceeded"] = "context_length_exceeded",
        ["exceed_context_size_error"] = "context_length_exceeded",
        ["content_filter"] = "content_filter",
        [ContentPolicy] = ContentPolicy,
        ["image_content_policy_violation"] = ContentPolicy,
        [BlockedImage] = BlockedImage,
        ["data_inspection_failed"] = "content_filter",
        ["DataInspectionFailed"] = "content_filter",
        [ForeignThoughts] = ForeignThoughts,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    private UpstreamFailure? _word;
    private int? _pause;
    private int? _asked;
    private UpstreamFailure? _number;

    public string? Message { get; private set; }

    /// <summary>The field of the request that is wrong.</summary>
    public string? Field { get; private set; }

    /// <summary>OpenAI's code of the reason why the request was refused, if it has one.</summary>
    public string? Code { get; private set; }

    /// <summary>The kind of failure. Codes take precedence over numbers, except codes that only say that there is an error.</summary>
    public UpstreamFailure? Failure => _word is null or UpstreamFailure.RequestRefused ? _number ?? _word : _word;

    /// <summary>How long the upstream asks to wait, or the default for its kind of error.</summary>
    public int? RetryAfterSeconds => _asked ?? _pause;

    /// <summary>Whether an account is exhausted, which only its owner can fix.</summary>
    public bool IsExhausted => _pause is not null || Status == (int)HttpStatusCode.PaymentRequired;

    /// <summary>Whether the request is valid, but too complex for this upstream: another may accept it.</summary>
    public bool IsTooComplex => Message is { } message && Array.Exists(TooComplex, text => message.StartsWith(text, StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// Whether the request is larger than this upstream ever accepts, even if reported as a rate limit: another may accept it, and waiting does not help.
    /// </summary>
    /// <param name="status">The HTTP status it came with.</param>
    public bool IsTooLarge(int? status) => _pause is null
        && ((status == (int)HttpStatusCode.RequestEntityTooLarge && _word == UpstreamFailure.RateLimited)
            || Message?.StartsWith(TooLarge, StringComparison.OrdinalIgnoreCase) == true);

    /// <summary>An HTTP status found in the document.</summary>
    public int? Status { get; private set; }

    /// <summary>Reads an error document; there are no facts in any other.</summary>
    public static UpstreamErrorFacts Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json.Span.StartsWith(Encoding.UTF8.Preamble) ? json[Encoding.UTF8.Preamble.Length..] : json);
            var facts = new UpstreamErrorFacts();
            facts.Add(document.RootElement);
            facts.ReadMessage();
            return facts;
        }
        catch (Exception exception) when (JsonText.IsUnreadable(exception))
        {
            return new UpstreamErrorFacts();
        }
    }

    /// <summary>The kind of failure of an HTTP status; null if it is not an error.</summary>
    public static UpstreamFailure? OfStatus(int status) => status switch
    {
        402 or 429 => UpstreamFailure.RateLimited,
        408 or >= 500 => UpstreamFailure.ServerError,
        401 or 403 or 404 or 410 => UpstreamFailure.Misconfigured,

        // Groq's flex tier is full.
        498 => UpstreamFailure.RateLimited,

        // Too early; and cancelled, by the upstream itself: Gemini under load.
        425 or 499 => UpstreamFailure.ServerError,

        // Generation failed, or something that the request made the upstream call: that may be one caller's.
        424 => UpstreamFailure.ModelFailed,
        >= 400 => UpstreamFailure.RequestRefused,
        _ => null,
    };

    /// <summary>A time to wait in whole seconds; null if it is not finite.</summary>
    public static int? Seconds(double seconds) => double.IsFinite(seconds) ? (int)Math.Clamp(Math.Ceiling(seconds), 1, LongestPause) : null;

    private void Add(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
            {
                Add(item);
            }

            return;
        }

        if (element.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        foreach (var property in element.EnumerateObject())
        {
            Add(property);
        }
    }

    private void Add(JsonProperty property)
    {
        var value = property.Value;
        switch (property.Name)
        {
            case "error" or "message" or "detail" or "msg" when value.ValueKind == JsonValueKind.String:
                Message ??= JsonText.Of(value);
                break;
            case "type" or "status" or "code" or "reason" when value.ValueKind == JsonValueKind.String:
                AddWord(JsonText.Of(value));
                break;
            case "status" or "code" when value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var status) && status < 600:
                _number ??= OfStatus(status);
                Status ??= status;
                break;
            case "param" when value.ValueKind == JsonValueKind.String:
                Field ??= JsonText.Of(value);
                break;
            case "loc" when value.ValueKind == JsonValueKind.Array:
                // FastAPI's form: where the field is (such as the body), then its path, if it is one field.
                Field ??= string.Join('.', value.EnumerateArray().Skip(1).Select(part => part.ToString())) is { Length: > 0 } path ? path : null;
                break;
            case "retryDelay" when value.ValueKind == JsonValueKind.String
                && double.TryParse(JsonText.Of(value).TrimEnd('s'), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds):
                _asked = Seconds(seconds);
                break;
            case "error" or "message" or "detail" or "details" or "innererror":
                Add(value);
                break;
            case "choices" when value.ValueKind == JsonValueKind.Array:
                // The error that ended a choice; the rest of it is what the model wrote.
                foreach (var choice in value.EnumerateArray().Where(choice => choice.ValueKind == JsonValueKind.Object && choice.TryGetProperty("error"u8, out _)))
                {
                    Add(choice.EnumerateObject().Last(one => one.NameEquals("error"u8)));
                }

                break;
        }
    }

    // Facts that are only in the text.
    private void ReadMessage()
    {
        if (Message is not { } message)
        {
            return;
        }

        if (Array.Exists(Exhausted, text => message.StartsWith(text, StringComparison.OrdinalIgnoreCase)))
        {
            AddWord("billing_error");
        }
        else if (Array.Exists(BadKey, text => message.StartsWith(text, StringComparison.OrdinalIgnoreCase)))
        {
            AddWord("invalid_api_key");
        }
        else if (message.StartsWith(RefusedContent, StringComparison.OrdinalIgnoreCase))
        {
            AddWord(ContentPolicy);
        }
        else if (Array.Exists(TooLong, text => message.Contains(text, StringComparison.OrdinalIgnoreCase)))
        {
            AddWord("context_length_exceeded");
        }
    }

    private void AddWord(string word)
    {
        Code ??= Codes.GetValueOrDefault(word);
        var isPause = Pauses.TryGetValue(word, out var seconds);
        if (isPause)
        {
            _pause = Math.Max(_pause ?? 0, seconds);
        }

        // The more specific code wins: an invalid argument whose reason is a wrong key is a wrong key.
        if (_word is null or UpstreamFailure.RequestRefused)
        {
            _word = isPause ? UpstreamFailure.RateLimited : Words.TryGetValue(word, out var failure) ? failure : _word;
        }
    }
}
