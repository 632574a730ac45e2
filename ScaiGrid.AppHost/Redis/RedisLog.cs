using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using ScaiGrid.AppHost.Local;

namespace ScaiGrid.AppHost.Redis;

/// <summary>Writes Garnet's warnings and errors as lines of our output.</summary>
internal sealed class RedisLog(Lines lines) : ILoggerFactory, ILogger
{
    private const string Source = "redis";

    // The argument parser only logs that this factory is in use.
    public ILogger CreateLogger(string categoryName) => categoryName == "ArgParser" ? NullLogger.Instance : this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    public IDisposable BeginScope<TState>(TState state)
        where TState : notnull => NullLogger.Instance.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        // Background tasks report their cancellation as an error.
        if (IsEnabled(logLevel) && exception is not OperationCanceledException)
        {
            var cause = exception is null ? "" : $" ({exception.GetType().Name}: {exception.Message})";
            lines.Write(Source, $"{logLevel}: {formatter(state, exception)}{cause}".ReplaceLineEndings(" "));
        }
    }
}
