using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>An error as a handler's typed result, written in the form of the surface that was called.</summary>
public sealed class ProblemResult(Problem problem) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext) => ErrorWriter.WriteAsync(httpContext, problem);
}
