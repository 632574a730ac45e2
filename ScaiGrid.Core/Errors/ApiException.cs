namespace ScaiGrid.Core.Errors;

/// <summary>Carries a <see cref="Errors.Problem"/> out of control-plane code. The hot path returns problems instead.</summary>
public sealed class ApiException(Problem problem) : Exception(problem.Text)
{
    public ApiException(Error error, string? message = null)
        : this(new Problem(error, message))
    {
    }

    public Problem Problem { get; } = problem;
}
