using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace ScaiGrid.Platform.Batch;

/// <summary>Reads the lines of a JSONL stream in bounded memory; empty lines are skipped.</summary>
internal static class LineReader
{
    /// <summary>The longest line of an input, in bytes: a call's own limit plus its envelope.</summary>
    public const int MaxLine = 33 * 1024 * 1024;

    /// <param name="stream">The stream; stays open.</param>
    /// <param name="maxLine">The longest line, in bytes.</param>
    /// <param name="cancellationToken">Cancels reading.</param>
    /// <exception cref="InvalidDataException">A line is too long.</exception>
    public static async IAsyncEnumerable<byte[]> ReadAsync(Stream stream, int maxLine, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        while (true)
        {
            var result = await reader.ReadAsync(cancellationToken);
            var buffer = result.Buffer;
            while (TakeLine(ref buffer, result.IsCompleted) is { } line)
            {
                if (line.Length > 0)
                {
                    yield return line;
                }
            }

            if (buffer.Length > maxLine)
            {
                throw new InvalidDataException("A line is too long.");
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
            {
                await reader.CompleteAsync();
                yield break;
            }
        }
    }

    private static byte[]? TakeLine(ref ReadOnlySequence<byte> buffer, bool isLast)
    {
        if (buffer.PositionOf((byte)'\n') is { } end)
        {
            var line = buffer.Slice(0, end);
            buffer = buffer.Slice(buffer.GetPosition(1, end));
            return Trimmed(line);
        }

        if (!isLast || buffer.IsEmpty)
        {
            return null;
        }

        var rest = buffer;
        buffer = buffer.Slice(buffer.End);
        return Trimmed(rest);
    }

    private static byte[] Trimmed(ReadOnlySequence<byte> line)
    {
        ReadOnlySpan<byte> bytes = line.ToArray();

        // A byte order mark is not part of the first document.
        return (bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes).Trim(" \t\r"u8).ToArray();
    }
}
