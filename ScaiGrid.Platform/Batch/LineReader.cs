using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace ScaiGrid.Platform.Batch;

/// <summary>Reads the lines of a JSONL stream in bounded memory; empty lines are skipped.</summary>
internal static class LineReader
{
    /// <summary>The longest line of an input, in bytes: a call's own limit plus its envelope.</summary>
    public const int MaxLine = 33 * 1024 * 1024;

    private const int BufferSize = 128 * 1024;

    /// <param name="stream">The stream; stays open.</param>
    /// <param name="maxLine">The longest line, in bytes.</param>
    /// <param name="cancellationToken">Cancels reading.</param>
    /// <exception cref="InvalidDataException">A line is too long.</exception>
    public static async IAsyncEnumerable<byte[]> ReadAsync(Stream stream, int maxLine, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true, bufferSize: BufferSize));
        long searched = 0;
        while (true)
        {
            var result = await reader.ReadAsync(cancellationToken);
            var buffer = result.Buffer;

            // Of a line that arrives in many pieces, only the new one is searched.
            while (buffer.Slice(searched).PositionOf((byte)'\n') is { } end)
            {
                if (Trimmed(buffer.Slice(0, end)) is { Length: > 0 } line)
                {
                    yield return line;
                }

                buffer = buffer.Slice(buffer.GetPosition(1, end));
                searched = 0;
            }

            searched = buffer.Length;
            if (searched > maxLine)
            {
                throw new InvalidDataException("A line is too long.");
            }

            if (result.IsCompleted)
            {
                if (Trimmed(buffer) is { Length: > 0 } last)
                {
                    yield return last;
                }

                await reader.CompleteAsync();
                yield break;
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private static byte[] Trimmed(ReadOnlySequence<byte> line)
    {
        ReadOnlySpan<byte> bytes = line.ToArray();

        // A byte order mark is not part of the first document.
        return (bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes).Trim(" \t\r"u8).ToArray();
    }
}
