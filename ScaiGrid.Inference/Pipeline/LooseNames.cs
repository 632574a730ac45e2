using System.Collections.Frozen;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Fields with all the names that an upstream may take for theirs. Servers in Go accept names in any case, those that read protobuf's JSON accept them
/// without underscores as well, and of duplicate names the last one wins.
/// </summary>
internal sealed class LooseNames<T>(IEnumerable<KeyValuePair<string, T>> fields)
{
    private readonly FrozenDictionary<string, T> _fields = fields
        .SelectMany(field => new[] { field, KeyValuePair.Create(field.Key.Replace("_", "", StringComparison.Ordinal), field.Value) })
        .DistinctBy(field => field.Key)
        .ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    // Go's case folding maps two more characters to ASCII letters: the long s and the Kelvin sign.
    public bool TryFind(string name, out T? value) => _fields.TryGetValue(name.Replace('\u017f', 's').Replace('\u212a', 'k'), out value);
}
