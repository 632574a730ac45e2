using Grpc.Core;
using Grpc.Core.Interceptors;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Grpc.Hosting;

/// <summary>Turns the exceptions of all methods into statuses with our code in the trailers.</summary>
internal sealed partial class ErrorInterceptor(RefusedCalls refused, ILogger<ErrorInterceptor> logger) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (Exception exception)
        {
            throw await TranslateAsync(exception, context);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (Exception exception)
        {
            throw await TranslateAsync(exception, context);
        }
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(requestStream, context);
        }
        catch (Exception exception)
        {
            throw await TranslateAsync(exception, context);
        }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context);
        }
        catch (Exception exception)
        {
            throw await TranslateAsync(exception, context);
        }
    }

    private async ValueTask<RpcException> TranslateAsync(Exception exception, ServerCallContext context)
    {
        switch (exception)
        {
            case RpcException rpc:
                return rpc;
            case ApiException api:
                return GrpcErrors.From(await refused.CountAsync(context.GetHttpContext(), api.Problem), context);

            // A write to a caller who has gone fails with various exceptions.
            case OperationCanceledException or IOException or InvalidOperationException when context.CancellationToken.IsCancellationRequested:
                return new RpcException(Status.DefaultCancelled);
            default:
                CallFailed(exception);
                return GrpcErrors.From(new Problem(CoreErrors.Internal), context);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A gRPC call failed unexpectedly.")]
    private partial void CallFailed(Exception exception);
}
