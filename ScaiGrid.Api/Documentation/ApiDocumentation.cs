using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Scalar.AspNetCore;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Api.Documentation;

/// <summary>The OpenAPI document at <c>/openapi/v1.json</c>, generated from the endpoints, and a reference page at <c>/docs</c>.</summary>
internal static class ApiDocumentation
{
    private const string BearerScheme = "bearer";

    public static void AddApiDocumentation(this IHostApplicationBuilder builder) => builder.Services.AddOpenApi(options =>
    {
        options.AddDocumentTransformer(Describe);
        options.AddOperationTransformer(DescribeAccess);
        options.AddSchemaTransformer(LeaveOpen);
        options.AddSchemaTransformer(PromiseWhatIsThere);
    });

    public static void MapApiDocumentation(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapOpenApi().AllowAnonymous();
        endpoints.MapScalarApiReference("/docs", options => options.WithTitle("ScaiGrid API").DisableDefaultFonts()).AllowAnonymous();
    }

    private static Task Describe(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info.Title = "ScaiGrid";
        document.Info.Version = "v1";
        document.Info.Description =
            "One HTTP API in front of every LLM provider. Answers are `{\"status\":\"ok\",\"data\":…}`; errors are "
            + "`{\"status\":\"error\",\"error\":{\"code\",\"message\"},\"meta\":{\"request_id\"}}`, or OpenAI's shape under `/oai/v1`.";
        document.Servers = [];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
        document.Components.SecuritySchemes[BearerScheme] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = BearerScheme,
            Description = "An API key: `sgk_…`.",
        };
        return Task.CompletedTask;
    }

    /// <summary>
    /// Bodies are read strictly, so the generator forbids additional properties in all types. That would be wrong for responses, which may grow, and
    /// for inference bodies, whose unknown fields are passed to the upstream.
    /// </summary>
    private static Task LeaveOpen(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        schema.AdditionalPropertiesAllowed = true;
        return Task.CompletedTask;
    }

    /// <summary>
    /// A property is required if the type's constructor has no default for it: requests must have it, and responses always do, unless the response
    /// leaves it out when it is null.
    /// </summary>
    private static Task PromiseWhatIsThere(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        foreach (var property in context.JsonTypeInfo.Properties)
        {
            if (property.AttributeProvider?.GetCustomAttributes(typeof(JsonIgnoreAttribute), inherit: true) is [JsonIgnoreAttribute { Condition: JsonIgnoreCondition.WhenWritingNull }])
            {
                schema.Required?.Remove(property.Name);
            }
        }

        return Task.CompletedTask;
    }

    private static Task DescribeAccess(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        if (metadata.OfType<IAllowAnonymous>().Any())
        {
            return Task.CompletedTask;
        }

        operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(BearerScheme, context.Document)] = [] }];
        if (metadata.OfType<AccessAttribute>().LastOrDefault() is { Permissions: [_, ..] permissions } access)
        {
            var extent = access.Reach switch
            {
                Reach.Grid => " for the whole installation",
                Reach.Partner => " for a whole partner",
                _ => "",
            };
            var needed = $"the permission {string.Join(" or ", permissions.Select(permission => $"`{permission}`"))}";
            operation.Description = $"{operation.Description}\n\nNeeds {needed}{extent}.".Trim();
        }

        return Task.CompletedTask;
    }
}
