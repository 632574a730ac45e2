using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ScaiGrid.Core.Http;

/// <summary>JSON options of the API: snake_case names, strict numbers, nothing after the document.</summary>
public static class WireJson
{
    public static void AddWireJson(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(http =>
        {
            Configure(http.SerializerOptions);

            // Otherwise a misspelt field would be ignored silently, and a key, say, would never expire. Bodies that are defined by others use
            // JsonUnmappedMemberHandling.Skip.
            http.SerializerOptions.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        });

        // Binding errors become exceptions, which ErrorHandling renders, instead of a bare status.
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
    }

    public static void Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.PropertyNameCaseInsensitive = false;
        options.NumberHandling = JsonNumberHandling.Strict;

        // With duplicate names, a proxy in front of us might use another value than we do.
        options.AllowDuplicateProperties = false;

        options.Converters.Add(new DocumentConverter());

        // The responses are application/json and never part of an HTML page, so that text need not be escaped further.
        options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
    }
}
