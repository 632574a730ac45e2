using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>The webhook by which ScaiKey reports changes, authenticated by its signature.</summary>
internal static class ScaiKeyEndpoints
{
    private const int SecondsToRepeat = 10;

    public static void MapScaiKeyWebhooks(this IEndpointRouteBuilder group) =>
        group.MapPost("/webhooks/scaikey", Receive).AllowAnonymous().WithMetadata(new CountsStrangers()).Audited("scaikey.event", "scaikey")
            .WithName("ReceiveScaiKeyEvent").WithSummary("An event of ScaiKey's, signed with the secret of both.").Accepts<ScaiKeyEventBody>("application/json");

    private static async Task<Results<Ok<Envelope<ScaiKeyAnswer>>, ProblemResult>> Receive(
        HttpRequest request,
        ScaiKeyOptions options,
        ScaiKeyInbox inbox,
        IOptions<JsonOptions> json,
        AuditEntry? audit,
        AddressLimiter addresses,
        ClientAddress client,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        audit?.ActorType = ActorTypes.Webhook;
        if (options.WebhookSecret is not { } secret)
        {
            return Reply.Problem(AuthErrors.NoWebhookSecret);
        }

        // The signature covers the raw bytes. The route group limits their number.
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, cancellationToken);
        var bytes = body.GetBuffer().AsMemory(0, (int)body.Length);
        if (!ScaiKeySignature.IsGood(request.Headers[ScaiKeySignature.Header], bytes.Span, secret, time.GetUtcNow()))
        {
            // Not counted for valid calls: ScaiKey may send many events per minute.
            return await addresses.LimitAsync(client.Of(request.HttpContext)) is { } limited ? new ProblemResult(limited) : Reply.Problem(AuthErrors.WebhookRefused);
        }

        ScaiKeyEvent told;
        try
        {
            told = (JsonSerializer.Deserialize<ScaiKeyEventBody>(bytes.Span, json.Value.SerializerOptions) ?? throw new JsonException()).Check();
        }
        catch (JsonException exception)
        {
            return new ProblemResult(JsonProblems.From(exception));
        }

        audit?.ResourceId = told.ResourceId;
        var answer = await inbox.TakeAsync(told, cancellationToken);
        if (answer.MayComeAgain)
        {
            return new ProblemResult(new Problem(CoreErrors.Unavailable, answer.Reason!, RetryAfterSeconds: SecondsToRepeat));
        }

        return Reply.Ok(new ScaiKeyAnswer(answer.Handled, answer.IsDuplicate, answer.Reason));
    }
}

/// <param name="Handled">False for an event of an unknown type, and for an old one about an unknown resource.</param>
/// <param name="Duplicate">Whether it had been received before.</param>
/// <param name="Reason">Why it was not handled.</param>
internal sealed record ScaiKeyAnswer(bool Handled, bool Duplicate, string? Reason);
