using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;
using Xunit;

namespace ScaiGrid.Tests.Inference;

/// <summary>The memory that is allocated for a chunk on its way from the upstream's stream to the caller's.</summary>
public sealed class StreamAllocationTests
{
    private const int Reads = 200;
    private const int ChunksARead = 20;

    private static readonly byte[] Event =
        """
        data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}],"usage":null}


        """u8.ToArray();

    private static readonly ModelRoute Route = Routes.Make("my/model");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ChunksOfTheSameFormat_AllocateNothing(bool includeUsage)
    {
        var hour = TimeSpan.FromHours(1);
        using var deadline = new CallDeadline(TimeProvider.System, hour, hour, hour, CancellationToken.None, CancellationToken.None, CancellationToken.None);
        using var response = new HttpResponseMessage();
        await using var stream = new HttpChatStream(response, new EndlessEvents([.. Enumerable.Repeat(Event, ChunksARead).SelectMany(text => text)]), new UpstreamAddress("", [], []), translator: null, deadline);
        var context = new DefaultHttpContext { Response = { Body = Stream.Null } };
        await using var responder = new OpenAiChatResponder(context, TimeProvider.System, includeUsage);
        using var output = new PooledBytes();
        using var scanner = new ChunkScanner(output);
        using var request = new ChatRequest(new PooledBytes());
        await responder.BeginStreamAsync(new ChatCall
        {
            Request = request,
            Responder = responder,
            Context = new CallContext(Nobody(), "req_1", Protocols.OpenAi, 0),
            Route = Route,
        });

        // The first run fills the pools.
        await RelayAsync();
        Assert.Equal(0, await RelayAsync());

        async Task<long> RelayAsync()
        {
            long allocated = 0;
            for (var i = 0; i < Reads; i++)
            {
                // Reads and flushes are outside the measurement: they allocate in the runtime and, in debug builds, in state machines.
                Assert.True(await stream.ReadAsync());
                allocated += RelayOneRead();
                await responder.FlushAsync();
                output.Clear();
            }

            return allocated;
        }

        long RelayOneRead()
        {
            var chunks = 0;
            var before = GC.GetAllocatedBytesForCurrentThread();
            do
            {
                chunks += IsDone(responder.ChunkAsync(scanner.Scan(stream.Current))) ? 1 : 0;
            }
            while (stream.TryRead());
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.Equal(ChunksARead, chunks);
            return allocated;
        }
    }

    private static bool IsDone(ValueTask task) => task.IsCompletedSuccessfully;

    private static Caller Nobody() => new()
    {
        UserId = "usr_1",
        Email = "",
        DisplayName = "",
        TenantId = "tnt_1",
        TenantSlug = "t",
        PartnerId = "prt_1",
        PartnerSlug = "p",
        Roles = [],
        Permissions = [],
    };

    /// <summary>Returns the same text in every read, without end.</summary>
    private sealed class EndlessEvents(byte[] text) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            text.CopyTo(buffer);
            return new ValueTask<int>(text.Length);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
