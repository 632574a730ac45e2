using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Routing;

/// <summary>A frontend model and the targets that serve it.</summary>
public sealed class ModelRoute
{
    /// <summary>The most targets of one model: a call keeps the tried ones as bits of one number.</summary>
    public const int MaxTargets = 64;

    private string? _systemPrompt;
    private int _systemPromptBytes;
    private int _defaultBytes;

    // Reference writes are atomic, so concurrent readers are safe.
    private byte[]? _slugJson;

    public required string Id { get; init; }

    public required string Slug { get; init; }

    /// <summary>The slug as a JSON string, quotes included: what callers see in place of the upstream's model name.</summary>
    public ReadOnlySpan<byte> SlugJson => _slugJson ??= JsonSerializer.SerializeToUtf8Bytes(Slug, CanonicalJson.Default.String);

    public required string DisplayName { get; init; }

    public required string Description { get; init; }

    /// <summary><c>chat</c>, <c>embedding</c>, <c>image</c> or <c>audio</c>.</summary>
    public required string Modality { get; init; }

    public required ImmutableArray<string> Capabilities { get; init; }

    /// <summary>Tokens.</summary>
    public int? ContextWindow { get; init; }

    /// <summary>Tokens; a caller's <c>max_tokens</c> is lowered to it.</summary>
    public int? MaxOutputTokens { get; init; }

    /// <summary>The prices charged to the caller.</summary>
    public required UnitPrices Prices { get; init; }

    /// <summary>The version of the model's prices, from 1.</summary>
    public int PriceVersion { get; init; } = 1;

    /// <summary><c>active</c> or <c>deprecated</c>; both are served.</summary>
    public required string Status { get; init; }

    /// <summary>The value of the <c>Deprecation</c> header (RFC 9745); null if the model is not deprecated or no date is set.</summary>
    public string? Deprecation { get; init; }

    /// <summary>The value of the <c>Sunset</c> header (RFC 8594): when the model ends.</summary>
    public string? Sunset { get; init; }

    /// <summary>Default values of request fields that the caller omits.</summary>
    public JsonObject? DefaultParams
    {
        get;
        init => (field, _defaultBytes) = (value, value is null ? 0 : Encoding.UTF8.GetByteCount(value.ToJsonString()));
    }

    /// <summary>Put before the caller's messages as a system message.</summary>
    public string? SystemPrompt
    {
        get => _systemPrompt;
        init => SetSystemPrompt(value);
    }

    /// <summary>The most bytes that <see cref="DefaultParams"/> and <see cref="SystemPrompt"/> add to a request.</summary>
    public long AddedBytes => (long)_defaultBytes + _systemPromptBytes;

    /// <summary>Set on models that only one partner's tenants see.</summary>
    public string? PartnerId { get; init; }

    /// <summary>Set on models that only one tenant sees.</summary>
    public string? TenantId { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>How a call chooses among targets of the same priority.</summary>
    public RoutingStrategy Strategy { get; init; }

    /// <summary>When a call goes on to another target.</summary>
    public RetryPolicy Retry { get; init; } = RetryPolicy.Default;

    /// <summary>Active targets, best priority first.</summary>
    public required ImmutableArray<Target> Targets { get; init; }

    /// <summary>True if tenants may use the model by default; the opposite applies to <see cref="AccessExceptions"/>.</summary>
    public bool IsOpen { get; init; } = true;

    /// <summary>The tenants to which the opposite of <see cref="IsOpen"/> applies; null if there are none.</summary>
    public FrozenSet<string>? AccessExceptions { get; init; }

    /// <summary>The system prompt, if it has variables: <see cref="For"/> fills them in.</summary>
    public PromptTemplate? PromptTemplate { get; init; }

    /// <summary>The model's default for an integer field; null if there is none.</summary>
    public int? DefaultNumber(string name) => DefaultParams?[name] is JsonValue value && value.TryGetValue(out int number) ? number : null;

    /// <summary>Whether the model is enabled for the caller's tenant.</summary>
    public bool IsEnabledFor(Caller caller) => IsOpen != (AccessExceptions?.Contains(caller.TenantId) ?? false);

    /// <summary>The route with the caller's system prompt; the same object if the prompt has no variables.</summary>
    public ModelRoute For(Caller caller, DateTimeOffset now)
    {
        if (PromptTemplate is null)
        {
            return this;
        }

        var copy = (ModelRoute)MemberwiseClone();
        copy.SetSystemPrompt(PromptTemplate.Render(this, caller, now));
        return copy;
    }

    /// <summary>True if the model is visible to the caller, enabled or not.</summary>
    public bool IsVisibleTo(Caller caller) =>
        (TenantId is null || TenantId == caller.TenantId) && (PartnerId is null || PartnerId == caller.PartnerId);

    private void SetSystemPrompt(string? prompt) =>
        (_systemPrompt, _systemPromptBytes) = (prompt, prompt is null ? 0 : Encoding.UTF8.GetByteCount(prompt));
}
