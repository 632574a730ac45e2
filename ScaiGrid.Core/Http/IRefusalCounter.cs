using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>Endpoint metadata: counts the endpoint's refused calls.</summary>
public interface IRefusalCounter
{
    /// <summary>Called before a problem is answered.</summary>
    /// <returns>The problem to answer with: the given one, or another.</returns>
    ValueTask<Problem> CountAsync(HttpContext context, Problem problem);
}
