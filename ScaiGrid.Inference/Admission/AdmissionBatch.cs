using System.Collections.Concurrent;
using System.Text;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>What one run of the admission script settles and decides.</summary>
internal sealed class AdmissionBatch(RedisValue process)
{
    private readonly List<AdmissionQuestion> _questions = new(1);
    private readonly List<Unsettled> _settlements = new(1);

    /// <summary>Takes what waits, settlements first.</summary>
    public void Take(ConcurrentQueue<AdmissionQuestion> questions, ConcurrentQueue<Unsettled> settlements, int most)
    {
        while (_settlements.Count < most && settlements.TryDequeue(out var settlement))
        {
            _settlements.Add(settlement);
        }

        while (_questions.Count < most && questions.TryDequeue(out var question))
        {
            _questions.Add(question);
        }
    }

    /// <summary>Takes everything that waits.</summary>
    public void TakeAll(ConcurrentQueue<AdmissionQuestion> questions, ConcurrentQueue<Unsettled> settlements) => Take(questions, settlements, int.MaxValue);

    public void Add(AdmissionQuestion question) => _questions.Add(question);

    public void Add(Unsettled settlement) => _settlements.Add(settlement);

    public Task<RedisResult> SendAsync(IDatabase database)
    {
        var (keys, values) = (0, 2);
        foreach (var settlement in _settlements)
        {
            keys += settlement.Part.SettleKeys(settlement.Ticket).Length;
            values += settlement.Part.SettleValues;
        }

        foreach (var question in _questions)
        {
            keys += question.Part.Keys(question.Ticket).Length;
            values += question.Part.Values;
        }

        var (keyArray, valueArray) = (new RedisKey[keys], new RedisValue[values]);
        (keys, values) = (0, 2);
        (valueArray[0], valueArray[1]) = (_settlements.Count, _questions.Count);
        foreach (var settlement in _settlements)
        {
            var part = settlement.Part;
            part.WriteSettlement(settlement, valueArray.AsSpan(values, part.SettleValues));
            var own = part.SettleKeys(settlement.Ticket);
            own.CopyTo(keyArray, keys);
            (keys, values) = (keys + own.Length, values + part.SettleValues);
        }

        foreach (var question in _questions)
        {
            var part = question.Part;
            part.Write(question, process, valueArray.AsSpan(values, part.Values));
            var own = part.Keys(question.Ticket);
            own.CopyTo(keyArray, keys);
            (keys, values) = (keys + own.Length, values + part.Values);
        }

        return AdmissionScripts.AdmitAsync(database, keyArray, valueArray);
    }

    /// <summary>Tells everybody what came of it.</summary>
    /// <param name="answer">The script's; null after a failure.</param>
    /// <param name="failure">Why there is no answer.</param>
    /// <param name="settled">Told how each settlement ended.</param>
    /// <param name="inline">Whether the last call may go on here and now.</param>
    public void End(byte[]? answer, Exception? failure, Action<Unsettled, Exception?> settled, bool inline)
    {
        foreach (var settlement in _settlements)
        {
            settled(settlement, failure);
        }

        var lines = answer.AsSpan();
        NextLine(ref lines);
        for (var i = 0; i < _questions.Count; i++)
        {
            var question = _questions[i];
            try
            {
                question.Answer = failure is null ? AdmissionAnswer.Read(NextLine(ref lines)) : default;
                question.Failure = failure;
            }
            catch (FormatException exception)
            {
                question.Failure = new RedisException($"The admission script gave an answer that is not known: {Encoding.UTF8.GetString(answer!)}", exception);
            }

            if (inline && i == _questions.Count - 1)
            {
                question.Execute();
            }
            else
            {
                ThreadPool.UnsafeQueueUserWorkItem(question, preferLocal: false);
            }
        }
    }

    private static ReadOnlySpan<byte> NextLine(ref Span<byte> lines)
    {
        var end = lines.IndexOf((byte)'\n');
        var line = end < 0 ? lines : lines[..end];
        lines = end < 0 ? default : lines[(end + 1)..];
        return line;
    }
}
