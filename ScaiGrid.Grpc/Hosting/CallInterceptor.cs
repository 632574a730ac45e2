using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Authorization;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Grpc.Hosting;

/// <summary>
/// Runs for every gRPC call: sets the request id, authenticates the caller (API key, token or service token), checks the method's permission,
/// and turns errors into statuses with our code in the trailers. Health and reflection need no credentials, as their clients expect.
/// </summary>
internal sealed partial class CallInterceptor(
    CallerResolver callers, AddressLimiter addresses, ControlPlaneLimiter control, ClientAddress client, TimeProvider time, ILogger<CallInterceptor> logger) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        using var scope = await AdmitAsync(context);
        try
        {
            return await continuation(request, context);
        }
        catch (Exception exception)
        {
            throw Translate(exception, context);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        using var scope = await AdmitAsync(context);
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (Exception exception)
        {
            throw Translate(exception, context);
        }
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        using var scope = await AdmitAsync(context);
        try
        {
            return await continuation(requestStream, context);
        }
        catch (Exception exception)
        {
            throw Translate(exception, context);
        }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        using var scope = await AdmitAsync(context);
        try
        {
            await continuation(requestStream, responseStream, context);
        }
        catch (Exception exception)
        {
            throw Translate(exception, context);
        }
    }

    private async ValueTask<IDisposable?> AdmitAsync(ServerCallContext context)
    {
        var http = context.GetHttpContext();
        var given = http.Request.Headers["X-Request-Id"].ToString();
        http.TraceIdentifier = RequestId.IsWellFormed(given) ? given : Ids.New(Ids.Request, time);

        // Not at once: if a call fails before its first message, the trailers are sent as headers, and the id would appear twice.
        http.Response.OnStarting(WriteRequestId, http);
        var metadata = http.GetEndpoint()?.Metadata;
        if (metadata?.GetMetadata<IAllowAnonymous>() is not null)
        {
            // A unary health probe is always answered. A stream stays open as long as its caller likes: a caller without credentials may open only
            // as many per minute as the limit for addresses allows.
            if (metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Type is not MethodType.Unary && await addresses.LimitAsync(client.Of(http)) is { } tooMany)
            {
                throw GrpcErrors.From(tooMany, context);
            }

            return logger.BeginScope(new CallScope(http.TraceIdentifier, caller: null));
        }

        if (metadata?.GetMetadata<AccessAttribute>() is not { } access)
        {
            throw GrpcErrors.From(new Problem(CoreErrors.PermissionDenied), context);
        }

        var resolution = await callers.ResolveAsync(http.Request.Headers.Authorization, context.CancellationToken);
        if (!resolution.Is(out var caller, out var problem))
        {
            var isStranger = problem.Error.Status == StatusCodes.Status401Unauthorized;
            var isServiceToken = problem.Error == CoreErrors.TokenInvalid && CallerResolver.IsServiceToken(http.Request.Headers.Authorization);
            var limited = isStranger ? await addresses.LimitAsync(client.Of(http)) : null;
            throw GrpcErrors.From(limited ?? (isServiceToken ? new Problem(CoreErrors.ServiceTokenInvalid) : problem), context);
        }

        if ((await control.AdmitAsync(caller, metadata.GetMetadata<CallsModelAttribute>())).Problem is { } refused)
        {
            throw GrpcErrors.From(refused, context);
        }

        if (!access.Admits(caller))
        {
            throw GrpcErrors.From(access.Refusal, context);
        }

        http.Features.Set(caller);
        return logger.BeginScope(new CallScope(http.TraceIdentifier, caller));
    }

    private static Task WriteRequestId(object call)
    {
        var http = (HttpContext)call;
        http.Response.Headers[GrpcErrors.RequestIdTrailer] = http.TraceIdentifier;
        return Task.CompletedTask;
    }

    private RpcException Translate(Exception exception, ServerCallContext context)
    {
        switch (exception)
        {
            case RpcException rpc:
                return rpc;
            case ApiException api:
                return GrpcErrors.From(api.Problem, context);
            case OperationCanceledException when context.CancellationToken.IsCancellationRequested:
                return new RpcException(Status.DefaultCancelled);
            default:
                CallFailed(exception);
                return GrpcErrors.From(new Problem(CoreErrors.Internal), context);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A gRPC call failed unexpectedly.")]
    private partial void CallFailed(Exception exception);
}
