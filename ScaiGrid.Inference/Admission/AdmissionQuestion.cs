using System.Buffers.Text;
using System.Runtime.CompilerServices;

namespace ScaiGrid.Inference.Admission;

/// <summary>Asks the script whether a call may run.</summary>
/// <param name="part">The limits and budgets to check.</param>
/// <param name="ticket">What the call would reserve.</param>
/// <param name="now">The time of the call, which determines the budget period.</param>
/// <param name="throttleMs">Milliseconds between calls under a budget that throttles.</param>
/// <param name="isShort">Whether the call does little work before it waits again, so that it may continue on the reading thread.</param>
internal sealed class AdmissionQuestion(AdmissionPart part, AdmissionTicket ticket, DateTimeOffset now, int throttleMs, bool isShort)
    : TaskCompletionSource<AdmissionAnswer>, IThreadPoolWorkItem
{
    public AdmissionPart Part { get; } = part;

    /// <summary>The call's ticket; in a question for several calls, the one that states the amounts.</summary>
    public AdmissionTicket Ticket { get; } = ticket;

    /// <summary>Tickets with the same amounts for several calls, admitted all or none; empty for a single call.</summary>
    public AdmissionTicket[] Ahead { get; init; } = [];

    /// <summary>The questions that were merged into this one; empty for a single call and for prefetched tickets.</summary>
    public AdmissionQuestion[] Joined { get; init; } = [];

    /// <summary>Whether it may be merged with others of the same caller: not if it is one part of a call's question, or if a merge was refused.</summary>
    public bool MayJoin { get; set; }

    public DateTimeOffset Now { get; } = now;

    public int ThrottleMs { get; } = throttleMs;

    public bool IsShort { get; } = isShort;

    internal AdmissionAnswer Answer { get; set; }

    internal Exception? Failure { get; set; }

    /// <summary>Completes the question; the call continues on this thread.</summary>
    public void Execute()
    {
        if (Failure is null)
        {
            SetResult(Answer);
        }
        else
        {
            SetException(Failure);
        }
    }
}

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

/// <summary>The part of a call's ticket that lies in one slot and has to be settled.</summary>
internal sealed record Unsettled(AdmissionTicket Ticket, AdmissionPart Part, Settlement Settlement, SettleMode Mode);
