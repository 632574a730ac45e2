using System.Buffers;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace ScaiGrid.Core.Http;

/// <summary>Sets each request's id: the caller's <c>X-Request-Id</c> if it is well formed, otherwise a new one. Every response has it.</summary>
public static class RequestId
{
    private const string Header = "X-Request-Id";
    private const int MaxLength = 128;

    private static readonly SearchValues<char> Allowed = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

    public static IApplicationBuilder UseRequestId(this IApplicationBuilder app)
    {
        var time = app.ApplicationServices.GetRequiredService<TimeProvider>();
        return app.Use((context, next) =>
        {
            var given = context.Request.Headers[Header];
            var id = given.Count == 1 && IsWellFormed(given[0]) ? given[0]! : Ids.New(Ids.Request, time);
            context.TraceIdentifier = id;
            context.Response.Headers[Header] = id;
            return next(context);
        });
    }

    public static bool IsWellFormed(string? id) => id is { Length: > 0 and <= MaxLength } && !id.AsSpan().ContainsAnyExcept(Allowed);
}
