using System.Collections.ObjectModel;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>What is wrong with a request: the first of it. One of 32 MiB may have millions of mistakes, which nobody reads, and which would take gigabytes.</summary>
internal sealed class Mistakes : Collection<ErrorDetail>
{
    private const int Most = 20;

    /// <summary>Whether no more are taken, so that there is no need to look for any.</summary>
    public bool IsFull => Count >= Most;

    protected override void InsertItem(int index, ErrorDetail item)
    {
        if (!IsFull)
        {
            base.InsertItem(index, item);
        }
    }
}
