using System.Buffers;
using System.IO.Pipelines;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Core.Http;

/// <summary>A request's body, read as it arrives, which bounds the time without a byte.</summary>
/// <remarks>
/// The server itself only requires an average rate: a client that has sent most of a body quickly may then send nothing for hours.
/// </remarks>
/// <param name="reader">The body.</param>
/// <param name="patience">The longest time without a byte.</param>
/// <param name="time">The clock.</param>
public sealed class PatientBody(PipeReader reader, TimeSpan patience, TimeProvider time) : ReadOnlyStream
{
    /// <returns>Null if no byte arrived in time; otherwise the reader must be advanced.</returns>
    public static async ValueTask<ReadResult?> ReadAsync(PipeReader reader, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        while (true)
        {
            var pending = reader.ReadAsync(cancellationToken);
            var isReady = pending.IsCompleted;
            await using var silence = isReady
                ? null
                : time.CreateTimer(static reader => ((PipeReader)reader!).CancelPendingRead(), reader, patience, Timeout.InfiniteTimeSpan);
            var result = await pending;

            // A wait may also be cancelled just as the bytes arrive; the read after it then ends at once, and is repeated.
            if (result is not { IsCanceled: true, IsCompleted: false, Buffer.IsEmpty: true })
            {
                return result;
            }

            reader.AdvanceTo(result.Buffer.End);
            if (!isReady)
            {
                return null;
            }
        }
    }

    /// <exception cref="ApiException">No byte arrived in time.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var result = await ReadAsync(reader, patience, time, cancellationToken) ?? throw new ApiException(CoreErrors.RequestTimeout);
        var length = (int)Math.Min(buffer.Length, result.Buffer.Length);
        var bytes = result.Buffer.Slice(0, length);
        bytes.CopyTo(buffer.Span);
        reader.AdvanceTo(bytes.End);
        return length;
    }
}
