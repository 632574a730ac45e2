using System.Text;
using ScaiGrid.Inference.Admission;
using Xunit;

namespace ScaiGrid.Tests.Inference.Admission;

/// <summary>Which waiting questions are merged, whatever their sizes and their order.</summary>
public sealed class AdmissionBatchTests
{
    // Created for each test, because a part remembers a refusal for a second.
    private readonly AdmissionPart _one = new("tn_one", [], []);
    private readonly AdmissionPart _other = new("tn_other", [], []);

    [Theory]
    [InlineData(new long[] { 1020, 1020, 1020 }, 1)]
    [InlineData(new long[] { 1020, 1030, 1040 }, 2)]
    [InlineData(new long[] { 1020, 1030, 1040, -1020 }, 3)]
    [InlineData(new long[] { -1020, 1020, 1030, -1020, 1040, 5000, 1030 }, 4)]
    [InlineData(new long[] { 5000, 1040, 1030, 1020 }, 2)]
    [InlineData(new long[] { 10, 100, 1000, 10_000 }, 4)]
    public async Task EachIsAnswered_ByTheQuestionThatItIsIn(long[] tokens, int questions)
    {
        var calls = tokens.Select(Call).ToList();
        var batch = new AdmissionBatch("process", TimeProvider.System);
        foreach (var call in calls)
        {
            batch.Add(call);
        }

        batch.Join();
        batch.End(Answer(questions), (_, _) => { }, _ => Assert.Fail("All calls were admitted, so none may ask again."));
        Assert.All(calls, call => Assert.True(call.Task.IsCompleted));
        foreach (var (call, needs) in calls.Zip(tokens, (call, needs) => (call, Math.Abs(needs))))
        {
            Assert.True((await call.Task).IsAdmitted);
            Assert.InRange(call.Ticket.Most.Tokens, needs, needs * 4);
        }
    }

    [Fact]
    public void WithoutRoomForAll_EachAsksAgain_Once()
    {
        var calls = new long[] { 1020, 1020, -1020 }.Select(Call).ToList();
        var batch = new AdmissionBatch("process", TimeProvider.System);
        foreach (var call in calls)
        {
            batch.Add(call);
        }

        batch.Join();
        var again = new List<AdmissionQuestion>();
        batch.End("0\n5\n0 100 10 5 160"u8, (_, _) => { }, again.Add);
        Assert.Equal(calls[..2], again);
        Assert.Equal([false, false, true], calls.Select(call => call.Task.IsCompleted));
        Assert.All(again, call => Assert.Equal(1020, call.Ticket.Most.Tokens));

        // They are not merged a second time.
        var second = new AdmissionBatch("process", TimeProvider.System);
        again.ForEach(second.Add);
        second.Join();
        second.End(Answer(2), (_, _) => { }, _ => Assert.Fail("The questions are not merged, so none may ask again."));
        Assert.All(calls, call => Assert.True(call.Task.IsCompletedSuccessfully));
    }

    // A negative number stands for a call of another caller.
    private AdmissionQuestion Call(long tokens) => new(
        tokens < 0 ? _other : _one,
        new AdmissionTicket { Id = "", Most = new TicketAmounts(0, 0, Math.Abs(tokens)), IsBinding = false },
        DateTimeOffset.UnixEpoch,
        throttleMs: 0,
        isShort: true)
    {
        MayJoin = true,
    };

    private static byte[] Answer(int questions) =>
        Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Repeat("0 100 1000 5 160 0 0 0 500", questions).Prepend("0")));
}
