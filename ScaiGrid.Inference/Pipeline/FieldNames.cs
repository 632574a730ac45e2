namespace ScaiGrid.Inference.Pipeline;

/// <summary>Names of a chat request's top-level fields. Those with a rule are a bit each, so that a usual request allocates nothing for them.</summary>
internal struct FieldNames
{
    private ulong _known;
    private HashSet<string>? _others;

    /// <returns>False if the name was added before.</returns>
    public bool Add(string name)
    {
        if (!ChatFieldRules.TryFind(name, out var place))
        {
            return (_others ??= []).Add(name);
        }

        var before = _known;
        _known |= 1UL << place;
        return _known != before;
    }

    public readonly bool Contains(string name) =>
        ChatFieldRules.TryFind(name, out var place) ? (_known & (1UL << place)) != 0 : _others is not null && _others.Contains(name);
}
