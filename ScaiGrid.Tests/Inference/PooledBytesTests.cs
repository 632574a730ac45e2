using System.Runtime.CompilerServices;
using ScaiGrid.Inference.Streaming;
using Xunit;

namespace ScaiGrid.Tests.Inference;

public sealed class PooledBytesTests
{
    [Fact]
    public void LargeArray_IsNotKept()
    {
        var array = Use();
        GC.Collect();
        Assert.False(array.IsAlive);
    }

    // A separate method, because a local variable of the test would keep the array alive.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Use()
    {
        using var bytes = new PooledBytes();
        bytes.Append(new byte[20 * 1024 * 1024]);
        return new WeakReference(bytes.Array);
    }
}
