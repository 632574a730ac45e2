namespace ScaiGrid.Platform.Calls;

/// <summary>Passes writes on, and reports the first one.</summary>
internal sealed class StartedStream(Stream inner, Action started) : WriteOnlyStream
{
    private bool _isStarted;

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Start();
        return inner.WriteAsync(buffer, cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => _isStarted ? inner.FlushAsync(cancellationToken) : Task.CompletedTask;

    private void Start()
    {
        if (!_isStarted)
        {
            _isStarted = true;
            started();
        }
    }
}
