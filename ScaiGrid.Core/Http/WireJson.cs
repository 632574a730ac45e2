using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ScaiGrid.Core.Http;

/// <summary>JSON as it looks on the wire: snake_case names, numbers that are numbers, and nothing after the document.</summary>
public static class WireJson
{
    public static void AddWireJson(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(http =>
        {
            Configure(http.SerializerOptions);

            // A misspelt field would be a wish that is not granted and not refused: a key that never expires, say. A body that others
            // define says JsonUnmappedMemberHandling.Skip.
            http.SerializerOptions.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        });

        // What cannot be bound becomes an exception, which ErrorHandling renders, instead of a bare status.
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
    }

    public static void Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.PropertyNameCaseInsensitive = false;
        options.NumberHandling = JsonNumberHandling.Strict;

        // Which of two values counts is a guess that a proxy before us may make differently.
        options.AllowDuplicateProperties = false;

        options.Converters.Add(new DocumentConverter());

        // The answers are application/json, never a part of a page: text stays readable.
        options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
    }
}
