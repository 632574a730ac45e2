using System.Buffers.Text;
using System.Runtime.CompilerServices;

namespace ScaiGrid.Inference.Admission;

/// <summary>The script's answer to a question: numbers whose meaning depends on the first one.</summary>
[InlineArray(Most)]
internal struct AdmissionAnswer
{
    private const int Most = 9;

    private long _number;

    public readonly bool IsAdmitted => this[0] == 0;

    /// <summary>Milliseconds that were left of the second in <see cref="Limits"/>. For admitted calls only.</summary>
    public readonly long MsOfSecond => this[8];

    /// <summary>For admitted calls only.</summary>
    public readonly RateLimitState Limits => new(this[2], this[3], this[4], Now: this[1])
    {
        TokenLimit = this[5],
        TokenRemaining = this[6],
        TokenReset = this[7],
    };

    /// <summary>The answer to one of several calls that were admitted together.</summary>
    /// <param name="behind">How many of these calls are counted after it.</param>
    /// <param name="tokens">Tokens that are counted for each.</param>
    public readonly AdmissionAnswer Before(int behind, long tokens)
    {
        var answer = this;
        answer[3] = this[2] > 0 ? this[3] + behind : 0;
        answer[6] = this[5] > 0 ? this[6] + (behind * tokens) : 0;
        return answer;
    }

    /// <exception cref="FormatException">The line is not a list of numbers separated by spaces.</exception>
    public static AdmissionAnswer Read(ReadOnlySpan<byte> line)
    {
        var answer = default(AdmissionAnswer);
        for (var i = 0; i < Most; i++)
        {
            if (!Utf8Parser.TryParse(line, out long number, out var length))
            {
                throw new FormatException("Not a number.");
            }

            answer[i] = number;
            if (length == line.Length)
            {
                break;
            }

            line = line[(length + 1)..];
        }

        return answer;
    }
}
