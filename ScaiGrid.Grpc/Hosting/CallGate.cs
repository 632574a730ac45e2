using System.Buffers;
using System.IO.Pipelines;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Grpc.Hosting;

/// <summary>
/// Runs for every gRPC call before its message is read: authenticates the caller (API key, token or service token), and checks
/// the method's permission. Then reads the message within the bound for all large bodies. Health and reflection need no credentials, as their clients
/// expect.
/// </summary>
/// <remarks>Middleware, because an interceptor runs after the message has been read and its objects have been made.</remarks>
internal sealed class CallGate(
    RequestDelegate next,
    CallerResolver callers,
    AddressLimiter addresses,
    ControlPlaneLimiter control,
    ClientAddress client,
    RequestBodies bodies,
    RefusedCalls refused,
    ILogger<CallGate> logger)
{
    private const int FrameHead = 5;

    private static readonly Problem TooManyFields = new(CoreErrors.PayloadTooLarge, $"A message has at most {MessageFields.Most} fields.");

    public async Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint()?.Metadata is not { } metadata || metadata.GetMetadata<GrpcMethodMetadata>()?.Method is not { } method)
        {
            await next(context);
            return;
        }

        var (caller, problem) = metadata.GetMetadata<IAllowAnonymous>() is null
            ? await AdmitAsync(context, metadata)
            : (null, await LimitAsync(context, method.Type));
        using var scope = logger.BeginScope(new CallScope(context.TraceIdentifier, caller));
        PooledBytes? message = null;
        if (caller is not null)
        {
            context.Features.Set(caller);
            if (method.Type is MethodType.Unary or MethodType.ServerStreaming)
            {
                (message, problem) = await ReadAsync(context, method);
                problem = problem is null ? null : await refused.CountAsync(context, problem);
            }
        }

        using (message)
        {
            await (problem is null ? next(context) : GrpcErrors.WriteAsync(context.Response, problem));
        }
    }

    // A unary health probe is always answered. A stream stays open as long as its caller likes: a caller without credentials may open only as many per
    // minute as the limit for addresses allows.
    private async ValueTask<Problem?> LimitAsync(HttpContext context, MethodType type) =>
        type is MethodType.Unary ? null : await addresses.LimitAsync(client.Of(context));

    private async ValueTask<(Caller? Caller, Problem? Problem)> AdmitAsync(HttpContext context, EndpointMetadataCollection metadata)
    {
        if (metadata.GetMetadata<AccessAttribute>() is not { } access)
        {
            return (null, new Problem(CoreErrors.PermissionDenied));
        }

        var authorization = context.Request.Headers.Authorization;
        var resolution = await callers.ResolveAsync(authorization, context.RequestAborted);
        if (!resolution.Is(out var caller, out var problem))
        {
            var isStranger = problem.Error.Status == StatusCodes.Status401Unauthorized;
            var isServiceToken = problem.Error == CoreErrors.TokenInvalid && CallerResolver.IsServiceToken(authorization);
            var limited = isStranger ? await addresses.LimitAsync(client.Of(context)) : null;
            return (null, limited ?? (isServiceToken ? new Problem(CoreErrors.ServiceTokenInvalid) : problem));
        }

        var admission = await control.AdmitAsync(caller, metadata.GetMetadata<CallsModelAttribute>());
        if (admission.Problem is { } limit)
        {
            RateLimitHeaders.Write(context, admission.Limits);
            return (null, limit);
        }

        return access.Admits(caller) ? (caller, null) : (null, await refused.CountAsync(context, caller, access.Refusal));
    }

    private async ValueTask<(PooledBytes? Message, Problem? Problem)> ReadAsync(HttpContext context, IMethod method)
    {
        try
        {
            var (message, problem) = await bodies.ReadAsync(context);
            if (message is { Length: > FrameHead } && !MessageFields.Fit(method.FullName, message.Span[FrameHead..]))
            {
                message.Dispose();
                return (null, TooManyFields);
            }

            if (message is not null)
            {
                context.Features.Set<IRequestBodyPipeFeature>(new ReadMessage(message.Memory));
            }

            return (message, problem);
        }
        catch (BadHttpRequestException exception)
        {
            return (null, new Problem(CoreErrors.ForStatus(exception.StatusCode)));
        }
        catch (Exception exception) when (exception is ConnectionResetException || context.RequestAborted.IsCancellationRequested)
        {
            // Nobody sees the answer. A lost connection is no refused call.
            return (null, new Problem(CoreErrors.BadRequest, IsCounted: true));
        }
    }

    /// <summary>Gives gRPC the message that has been read.</summary>
    private sealed class ReadMessage(ReadOnlyMemory<byte> frame) : IRequestBodyPipeFeature
    {
        public PipeReader Reader { get; } = PipeReader.Create(new ReadOnlySequence<byte>(frame));
    }
}
