using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Storage;

/// <summary>Makes all calls to S3: with a timeout, after ensuring that the bucket exists, and with one kind of exception.</summary>
internal sealed partial class S3Connection : IDisposable
{
    private readonly AmazonS3Client _client;
    private readonly TimeSpan _timeout;
    private readonly ILogger<S3Connection> _logger;
    private readonly SemaphoreSlim _bucketLock = new(1);
    private volatile bool _bucketExists;
    private int _isFailing;

    public S3Connection(StorageOptions options, ILogger<S3Connection> logger)
    {
        (_timeout, _logger, Bucket) = (options.S3Timeout, logger, options.S3Bucket!);
        _client = new AmazonS3Client(new BasicAWSCredentials(options.S3AccessKeyId, options.S3SecretAccessKey), new AmazonS3Config
        {
            ServiceURL = options.S3Endpoint!.ToString(),
            AuthenticationRegion = options.S3Region,
            ForcePathStyle = options.S3ForcePathStyle,
            RetryMode = RequestRetryMode.Standard,
            MaxErrorRetry = 2,
            ConnectTimeout = TimeSpan.FromSeconds(5),

            // Each call has a shorter timeout of its own.
            Timeout = System.Threading.Timeout.InfiniteTimeSpan,

            // Trailing checksums are an AWS extension that not every compatible store supports; the signature covers each body anyway.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        });
    }

    public string Bucket { get; }

    /// <summary>The longest wait for a call, or between two reads of a body.</summary>
    public TimeSpan Timeout => _timeout;

    /// <summary>Makes a call that must succeed.</summary>
    /// <param name="call">The call.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    /// <param name="timeout">Set only if a call may take longer than the store's usual timeout.</param>
    /// <exception cref="ApiException"><see cref="CoreErrors.Unavailable"/>: the store is unavailable, does not respond, or refuses the call.</exception>
    public async Task<T> CallAsync<T>(Func<IAmazonS3, CancellationToken, Task<T>> call, CancellationToken cancellationToken, TimeSpan? timeout = null)
    {
        try
        {
            return await TryAsync(call, timeout ?? _timeout, cancellationToken);
        }
        catch (AmazonS3Exception exception)
        {
            throw Failed(exception);
        }
    }

    /// <summary>Makes a call about an object that may not exist, or not in the requested version.</summary>
    /// <returns>Null in that case.</returns>
    public async Task<T?> FindAsync<T>(Func<IAmazonS3, CancellationToken, Task<T>> call, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            return await TryAsync(call, _timeout, cancellationToken);
        }
        catch (AmazonS3Exception exception) when (exception.StatusCode
            is HttpStatusCode.NotFound or HttpStatusCode.PreconditionFailed or HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            Answered();
            return null;
        }
        catch (AmazonS3Exception exception)
        {
            throw Failed(exception);
        }
    }

    public ApiException Failed(Exception exception)
    {
        // Logged once per outage.
        if (Interlocked.Exchange(ref _isFailing, 1) == 0)
        {
            StoreFailed(exception, exception is AmazonServiceException { ErrorCode: { Length: > 0 } code } ? code : exception.GetType().Name);
        }

        return new ApiException(CoreErrors.Unavailable, "The blob store is unavailable; try again.");
    }

    public void Dispose()
    {
        _client.Dispose();
        _bucketLock.Dispose();
    }

    private async Task<T> TryAsync<T>(Func<IAmazonS3, CancellationToken, Task<T>> call, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(timeout);
        try
        {
            await EnsureBucketAsync(limited.Token);
            var answer = await call(_client, limited.Token);
            Answered();
            return answer;
        }
        catch (AmazonS3Exception exception) when (exception.ErrorCode == "NoSuchBucket")
        {
            // Somebody deleted the bucket: the next call creates it again.
            _bucketExists = false;
            throw Failed(exception);
        }
        catch (Exception exception) when (exception is not (AmazonS3Exception or ApiException) && !cancellationToken.IsCancellationRequested)
        {
            throw Failed(exception);
        }
    }

    private void Answered()
    {
        if (Volatile.Read(ref _isFailing) != 0 && Interlocked.Exchange(ref _isFailing, 0) != 0)
        {
            StoreAnswers();
        }
    }

    private async Task EnsureBucketAsync(CancellationToken cancellationToken)
    {
        if (_bucketExists)
        {
            return;
        }

        await _bucketLock.WaitAsync(cancellationToken);
        try
        {
            if (!_bucketExists)
            {
                await CreateBucketIfAbsentAsync(cancellationToken);
                _bucketExists = true;
            }
        }
        finally
        {
            _bucketLock.Release();
        }
    }

    private async Task CreateBucketIfAbsentAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _client.HeadBucketAsync(new HeadBucketRequest { BucketName = Bucket }, cancellationToken);
        }
        catch (AmazonS3Exception exception) when (exception.StatusCode == HttpStatusCode.NotFound)
        {
            try
            {
                await _client.PutBucketAsync(new PutBucketRequest { BucketName = Bucket }, cancellationToken);
                BucketCreated(Bucket);
            }
            catch (AmazonS3Exception race) when (race.ErrorCode is "BucketAlreadyOwnedByYou" or "BucketAlreadyExists")
            {
                // Another replica created it.
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Created the bucket {Bucket}.")]
    private partial void BucketCreated(string bucket);

    [LoggerMessage(Level = LogLevel.Error, Message = "S3 fails: {Code}.")]
    private partial void StoreFailed(Exception exception, string code);

    [LoggerMessage(Level = LogLevel.Information, Message = "S3 answers again.")]
    private partial void StoreAnswers();
}
