using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>Creates the typed results of handlers under <c>/v1</c>.</summary>
public static class Reply
{
    public static Ok<Envelope<T>> Ok<T>(T data) => TypedResults.Ok(new Envelope<T>(data));

    public static Created<Envelope<T>> Created<T>(string location, T data) => TypedResults.Created(location, new Envelope<T>(data));

    /// <param name="items">The items of this page.</param>
    /// <param name="nextCursor">The cursor of the next page; null if there is none.</param>
    public static Ok<PageEnvelope<T>> Page<T>(IReadOnlyList<T> items, string? nextCursor) =>
        TypedResults.Ok(new PageEnvelope<T>(new PageItems<T>(items), new Pagination(nextCursor is not null, nextCursor)));

    public static ProblemResult Problem(Error error, string? message = null) => new(new Problem(error, message));
}
