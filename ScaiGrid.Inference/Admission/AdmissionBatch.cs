using System.Collections.Concurrent;
using System.Text;
using ScaiGrid.Inference.Streaming;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>The settlements and questions of one run of the admission script.</summary>
internal sealed class AdmissionBatch(RedisValue process, TimeProvider time)
{
    /// <summary>The least number of returned tickets in a full run: they occupy windows and budgets until they are returned.</summary>
    private const int FewestReturns = 8;

    /// <summary>Calls that continue one after the other on the reading thread; more would make the later ones wait.</summary>
    private const int MostHere = 8;

    private readonly List<AdmissionQuestion> _questions = new(1);
    private readonly List<Unsettled> _settlements = new(1);

    /// <summary>
    /// Takes waiting items, settlements first: a call is never decided before a settlement that was queued earlier. Returned tickets can wait,
    /// because tickets are only prefetched if there is much room left.
    /// </summary>
    public void Take(
        ConcurrentQueue<AdmissionQuestion> questions, ConcurrentQueue<Unsettled> settlements, ConcurrentQueue<Unsettled> returns, int most)
    {
        while (_settlements.Count < most && settlements.TryDequeue(out var settlement))
        {
            _settlements.Add(settlement);
        }

        while (settlements.IsEmpty && _questions.Count < most && questions.TryDequeue(out var question))
        {
            _questions.Add(question);
        }

        for (var left = Math.Max(most - _settlements.Count - _questions.Count, FewestReturns); left > 0 && returns.TryDequeue(out var unused); left--)
        {
            _settlements.Add(unused);
        }
    }

    /// <summary>
    /// Merges questions of the same caller into one: the script takes little longer for many calls than for one. Each of these calls then
    /// reserves the amounts of the first, rounded up.
    /// </summary>
    public void Join()
    {
        for (var i = 0; i < _questions.Count - 1; i++)
        {
            if (_questions[i].MayJoin && HasAnother(i))
            {
                Join(i, _questions[i].Part.Ahead.MostTogether(time));
            }
        }
    }

    public void Add(AdmissionQuestion question) => _questions.Add(question);

    public void Add(Unsettled settlement) => _settlements.Add(settlement);

    /// <summary>Runs the script through the shared client.</summary>
    public Task<RedisResult> SendAsync(IDatabase database)
    {
        var (keys, values) = Arguments();
        return AdmissionScripts.AdmitAsync(database, keys, values);
    }

    /// <summary>Writes the command that runs the script.</summary>
    /// <param name="command">Receives the command.</param>
    /// <param name="asText">True to send the script itself, for a server that does not know its hash yet.</param>
    public void Write(PooledBytes command, bool asText)
    {
        var (keys, values) = Arguments();
        AdmissionScripts.Write(command, keys, values, asText);
    }

    /// <summary>Distributes the script's answer to the calls.</summary>
    /// <param name="answer">The script's answer.</param>
    /// <param name="settled">Called with the outcome of each settlement.</param>
    /// <param name="askAgain">Called for each call of a merged question that was refused: it must ask by itself.</param>
    public void End(ReadOnlySpan<byte> answer, Action<Unsettled, Exception?> settled, Action<AdmissionQuestion> askAgain)
    {
        foreach (var settlement in _settlements)
        {
            settled(settlement, null);
        }

        var lines = answer;
        NextLine(ref lines);
        foreach (var question in _questions)
        {
            try
            {
                question.Answer = AdmissionAnswer.Read(NextLine(ref lines));
                Share(question, askAgain);
            }
            catch (FormatException exception)
            {
                Fail(question, new RedisException($"The admission script gave an answer that is not known: {Encoding.UTF8.GetString(answer)}", exception));
            }
        }

        GoOn();
    }

    /// <summary>Fails all settlements and questions of the run.</summary>
    public void Fail(Exception failure, Action<Unsettled, Exception?> settled)
    {
        foreach (var settlement in _settlements)
        {
            settled(settlement, failure);
        }

        foreach (var question in _questions)
        {
            Fail(question, failure);
        }

        GoOn();
    }

    private static void Fail(AdmissionQuestion question, Exception failure)
    {
        question.Failure = failure;
        foreach (var call in question.Joined)
        {
            // It may have been reserved although the answer is missing: the amounts must be those of the question.
            (call.Failure, call.Ticket.Most) = (failure, question.Ticket.Most);
        }
    }

    private void Share(AdmissionQuestion question, Action<AdmissionQuestion> askAgain)
    {
        var (calls, amounts) = (question.Joined, question.Ticket.Most);
        if (question.Answer.IsAdmitted)
        {
            for (var i = 0; i < calls.Length; i++)
            {
                (calls[i].Ticket.Most, calls[i].Answer) = (amounts, question.Answer.Before(calls.Length - 1 - i, amounts.EstimatedTokens));
            }
        }
        else if (calls.Length > 0)
        {
            question.Part.Ahead.Apart(calls.Length, time);
            foreach (var call in calls)
            {
                call.MayJoin = false;
                askAgain(call);
            }
        }
    }

    private void GoOn()
    {
        var here = 0;
        foreach (var question in _questions)
        {
            if (question.Joined.Length == 0)
            {
                GoOn(question, ref here);
            }

            // Calls that ask again continue with their own answer.
            foreach (var call in question.Joined.Where(call => call.MayJoin))
            {
                GoOn(call, ref here);
            }
        }
    }

    // On this thread, one after the other, which saves a thread switch for each; if there are many, every other one goes to the thread pool.
    private static void GoOn(AdmissionQuestion question, ref int here)
    {
        if (question.IsShort && (here++ < MostHere || here % 2 == 0))
        {
            question.Execute();
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(question, preferLocal: false);
        }
    }

    private bool HasAnother(int index)
    {
        for (var i = index + 1; i < _questions.Count; i++)
        {
            if (_questions[i].MayJoin && _questions[i].Part == _questions[index].Part)
            {
                return true;
            }
        }

        return false;
    }

    private void Join(int index, int most)
    {
        var (part, amounts) = (_questions[index].Part, _questions[index].Ticket.Most.RoundedUp());
        if (amounts.Cost > AheadAdmission.MostCost)
        {
            return;
        }

        // Earlier questions have already been merged or stand alone.
        var calls = _questions.Skip(index).Where(call => call.MayJoin && call.Part == part && amounts.Suit(call.Ticket.Most)).Take(most).ToArray();
        if (calls.Length < 2)
        {
            return;
        }

        _questions.RemoveAll(calls.Contains);
        var ticket = new AdmissionTicket { Id = "", Most = amounts, IsBinding = false };
        _questions.Insert(index, new AdmissionQuestion(part, ticket, calls[^1].Now, throttleMs: 0, isShort: true)
        {
            Ahead = Array.ConvertAll(calls, call => call.Ticket),
            Joined = calls,
        });
    }

    private (RedisKey[] Keys, RedisValue[] Values) Arguments()
    {
        var (keys, values) = (0, 2);
        foreach (var settlement in _settlements)
        {
            keys += settlement.Part.SettleKeys(settlement.Ticket, settlement.Mode).Length;
            values += settlement.Part.SettleValues;
        }

        foreach (var question in _questions)
        {
            keys += question.Part.Keys(question.Ticket).Length;
            values += question.Part.ValuesOf(question);
        }

        var (keyArray, valueArray) = (new RedisKey[keys], new RedisValue[values]);
        (keys, values) = (0, 2);
        (valueArray[0], valueArray[1]) = (_settlements.Count, _questions.Count);
        foreach (var settlement in _settlements)
        {
            var part = settlement.Part;
            part.WriteSettlement(settlement, valueArray.AsSpan(values, part.SettleValues));
            var own = part.SettleKeys(settlement.Ticket, settlement.Mode);
            own.CopyTo(keyArray, keys);
            (keys, values) = (keys + own.Length, values + part.SettleValues);
        }

        foreach (var question in _questions)
        {
            var part = question.Part;
            var length = part.ValuesOf(question);
            part.Write(question, process, valueArray.AsSpan(values, length));
            var own = part.Keys(question.Ticket);
            own.CopyTo(keyArray, keys);
            (keys, values) = (keys + own.Length, values + length);
        }

        return (keyArray, valueArray);
    }

    private static ReadOnlySpan<byte> NextLine(ref ReadOnlySpan<byte> lines)
    {
        var end = lines.IndexOf((byte)'\n');
        var line = end < 0 ? lines : lines[..end];
        lines = end < 0 ? default : lines[(end + 1)..];
        return line;
    }
}
