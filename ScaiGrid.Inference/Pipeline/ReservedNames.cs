using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Refuses names that differ only in spelling from the fields that decide which model answers, what it is asked, and in which form it answers. An upstream
/// that takes them for these fields would not run the call that was admitted: a model that the caller may not use, at another's price, or a stream where
/// none is read.
/// </summary>
internal static class ReservedNames
{
    private static readonly LooseNames<string> Fields = new(
        new[] { "model", "messages", "input", "prompt", "stream", "stream_options", "include_usage", "encoding_format" }.Select(name => KeyValuePair.Create(name, name)));

    /// <param name="name">The name of a field without a rule.</param>
    /// <param name="path">The same with the names of the objects that it is in.</param>
    /// <param name="mistakes">Where the refusal is added.</param>
    public static void Check(string name, string path, Mistakes mistakes)
    {
        if (Fields.TryFind(name, out var field) && field != name)
        {
            mistakes.Add(new ErrorDetail(path, $"must be spelled {field}: some upstreams would take it for that field."));
        }
    }
}
