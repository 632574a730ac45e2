using System.Collections.ObjectModel;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>The first validation errors of a request. A request of 32 MiB may have millions, which nobody reads and which would take gigabytes.</summary>
internal sealed class Mistakes : Collection<ErrorDetail>
{
    private const int Most = 20;

    /// <summary>True if no more errors are recorded, so that checks can stop.</summary>
    public bool IsFull => Count >= Most;

    protected override void InsertItem(int index, ErrorDetail item)
    {
        if (!IsFull)
        {
            base.InsertItem(index, item);
        }
    }
}
