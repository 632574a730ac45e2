using System.Buffers.Text;
using System.Runtime.CompilerServices;

namespace ScaiGrid.Inference.Admission;

/// <summary>Whether a call may run, asked of one slot.</summary>
/// <param name="part">Its limits and budgets there.</param>
/// <param name="ticket">What it would reserve.</param>
/// <param name="now">When it came, by which it belongs to a budget's period.</param>
/// <param name="throttleMs">Between calls under a budget that throttles.</param>
/// <param name="isShort">Whether the call has little to do before it waits again: it may go on where others wait behind it.</param>
internal sealed class AdmissionQuestion(AdmissionPart part, AdmissionTicket ticket, DateTimeOffset now, int throttleMs, bool isShort)
    : TaskCompletionSource<AdmissionAnswer>, IThreadPoolWorkItem
{
    public AdmissionPart Part { get; } = part;

    /// <summary>Of calls ahead the first.</summary>
    public AdmissionTicket Ticket { get; } = ticket;

    /// <summary>Tickets of the same amounts for several calls, of all or of none; empty where this is one call.</summary>
    public AdmissionTicket[] Ahead { get; init; } = [];

    /// <summary>Those who ask by this question; empty where the calls have not come yet.</summary>
    public AdmissionQuestion[] Joined { get; init; } = [];

    /// <summary>Whether it may be asked in one with others of its caller: not where it is a part of what is asked, or where that was tried.</summary>
    public bool MayJoin { get; set; }

    public DateTimeOffset Now { get; } = now;

    public int ThrottleMs { get; } = throttleMs;

    public bool IsShort { get; } = isShort;

    internal AdmissionAnswer Answer { get; set; }

    internal Exception? Failure { get; set; }

    /// <summary>Lets the call go on, on this thread.</summary>
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

/// <summary>The script's answer to a question: numbers whose meaning depends on the first.</summary>
[InlineArray(Most)]
internal struct AdmissionAnswer
{
    private const int Most = 9;

    private long _number;

    public readonly bool IsAdmitted => this[0] == 0;

    /// <summary>Of calls that were admitted: how much was left of <see cref="Limits"/>' second.</summary>
    public readonly long MsOfSecond => this[8];

    /// <summary>Of calls that were admitted.</summary>
    public readonly RateLimitState Limits => new(this[2], this[3], this[4], Now: this[1])
    {
        TokenLimit = this[5],
        TokenRemaining = this[6],
        TokenReset = this[7],
    };

    /// <summary>The answer to one of several calls that were admitted at once.</summary>
    /// <param name="behind">How many of them are counted after it.</param>
    /// <param name="tokens">What is counted for each.</param>
    public readonly AdmissionAnswer Before(int behind, long tokens)
    {
        var answer = this;
        answer[3] = this[2] > 0 ? this[3] + behind : 0;
        answer[6] = this[5] > 0 ? this[6] + (behind * tokens) : 0;
        return answer;
    }

    /// <exception cref="FormatException">Not numbers with a space between.</exception>
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

/// <summary>A part of a call that has to be settled.</summary>
internal sealed record Unsettled(AdmissionTicket Ticket, AdmissionPart Part, Settlement Settlement, SettleMode Mode);
