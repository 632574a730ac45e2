using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>
/// Finds the <c>extra_content</c> of a stream's choices for surfaces that rename the upstream's reasoning field. The last chunk of a choice whose
/// reasoning was renamed has the mark by which the field gets its old name back when the caller returns the message.
/// </summary>
public sealed class ReasoningMarks
{
    // Indices of the choices whose reasoning was renamed; null if there are none.
    private HashSet<int>? _renamed;

    /// <summary>Whether the reasoning of any choice was renamed so far.</summary>
    public bool Any => _renamed is not null;

    /// <summary>The extra content to send with a choice of the next chunk; null for none.</summary>
    /// <param name="choice">The choice. To be called once for each, in the order of the stream.</param>
    /// <param name="backend">The backend that streams.</param>
    public string? ExtraContent(ChatChoice choice, Backend backend)
    {
        if (choice.IsRenamed)
        {
            (_renamed ??= []).Add(choice.Index);
        }

        return choice.FinishReason is not null && _renamed?.Contains(choice.Index) is true ? choice.MarkedExtraContent(backend) : choice.ExtraContent;
    }
}
