using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Platform;
using ScaiGrid.Tests.Platform.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>The OpenAPI document marks exactly those fields of a body as required without which the operation refuses the request.</summary>
public sealed class RequiredFieldTests(Grid grid) : GridTest(grid)
{
    private const string Form = "multipart/form-data";

    /// <summary>
    /// Operations that refuse an empty body before they check its fields: unsigned webhooks (ScaiKeyWebhookTests), and sign-in without a provider
    /// (SignInTests).
    /// </summary>
    private static readonly string[] Elsewhere = ["/v1/webhooks/scaikey", "/v1/auth/authorize"];

    [Fact]
    public async Task RequiredFields_AreThoseThatAreRefusedWhenMissing()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.SuperAdmin);
        var document = JsonNode.Parse((await Admin.GetAsync("/openapi/v1.json")).Text)!;
        var made = new Dictionary<string, string>();
        var (fields, breaches) = (0, new List<string>());
        foreach (var operation in (await GuardedOperation.ReadAsync(Admin)).Where(operation => !Elsewhere.Contains(operation.Path)))
        {
            foreach (var (type, schema) in Bodies(document, operation))
            {
                var address = await AddressAsync(operation);
                var required = (schema["required"]?.AsArray() ?? []).Select(name => (string)name!).Order(StringComparer.Ordinal).ToList();
                var (missing, late, answer) = await MissingAsync(admin.Api, operation.Method, address, type, schema);
                fields += missing.Count;
                if (!required.SequenceEqual(missing))
                {
                    breaches.Add($"{operation} requires [{string.Join(", ", missing)}], and the document has [{string.Join(", ", required)}]; {answer.Text}");
                }

                if (late.Count > 0)
                {
                    breaches.Add($"{operation} says of [{string.Join(", ", late)}] only in a second answer that they are missing.");
                }
            }
        }

        Assert.True(breaches.Count == 0, string.Join('\n', breaches));
        Assert.True(fields > 40, $"Only {fields} required fields were found.");

        // The address of an existing resource. Those that the table cannot create do not exist, and their operations require no fields.
        async Task<string> AddressAsync(GuardedOperation operation)
        {
            if (operation.ResourcePath is not { } path || RoleTable.Resources.SingleOrDefault(row => row.Path == path) is not { } resource)
            {
                return operation.Path;
            }

            made[path] = made.GetValueOrDefault(path) ?? await resource.CreateAsync(Admin, tenant, admin);
            return made[path] + operation.Path[path.Length..];
        }
    }

    private static IEnumerable<(string Type, JsonNode Schema)> Bodies(JsonNode document, GuardedOperation operation)
    {
        var contents = document["paths"]![operation.Path]![operation.Method.ToLowerInvariant()]!["requestBody"]?["content"]?.AsObject() ?? [];
        return
        [
            .. from content in contents
               let schema = Resolved(document, content.Value?["schema"])
               where schema?["properties"] is not null
               select (content.Key, schema),
        ];
    }

    private static JsonNode? Resolved(JsonNode document, JsonNode? schema) =>
        (string?)schema?["$ref"] is { } reference ? document["components"]!["schemas"]![reference.Split('/')[^1]] : schema;

    /// <summary>
    /// Sends an empty body, and then adds the fields that were reported as missing, until no more are reported. Late fields were not reported the first
    /// time, although the error has room for all.
    /// </summary>
    private static async Task<(SortedSet<string> Fields, List<string> Late, Answer Answer)> MissingAsync(
        ApiDriver api, string method, string path, string type, JsonNode schema)
    {
        var (missing, late, body) = (new SortedSet<string>(StringComparer.Ordinal), new List<string>(), new JsonObject());
        while (true)
        {
            Answer answer = null!;

            // Other tests may have used up the attempts of this minute, and on a busy machine Redis may be unavailable for a moment.
            await Poll.UntilAsync(async () => (int)(answer = await SendAsync(api, method, path, type, body)).Status is not (429 or 503), $"{method} {path} to be served");
            var fresh = Missed(answer).Except(missing).ToList();
            if (fresh.Count == 0)
            {
                return (missing, late, answer);
            }

            if (missing.Count > 0 && HasDetails(answer))
            {
                late.AddRange(fresh);
            }

            foreach (var field in fresh)
            {
                missing.Add(field);
                body[field] = Sample(field, schema["properties"]![field]!);
            }
        }
    }

    private static Task<Answer> SendAsync(ApiDriver api, string method, string path, string type, JsonObject body) => type != Form
        ? api.SendAsync(HttpMethod.Parse(method), path, body.ToJsonString())
        : api.TranscribeAsync(
            path,
            body.ContainsKey("file") ? [1, 2, 3] : null,
            [("a form of", "one field at least"), .. body.Where(field => field.Key != "file").Select(field => (field.Key, (string)field.Value!))]);

    private static IEnumerable<string> Missed(Answer answer)
    {
        var error = (int)answer.Status < 400 ? null : JsonNode.Parse(answer.Text)!["error"];
        return error?["details"] is JsonArray details
            ? details.Where(detail => IsMissed((string)detail!["field"]!, (string)detail["message"]!)).Select(detail => (string)detail!["field"]!)
            : (string?)error?["param"] is { } field && IsMissed(field, (string)error["message"]!) ? [field] : [];
    }

    private static bool HasDetails(Answer answer) => JsonNode.Parse(answer.Text)!["error"]!["details"] is JsonArray;

    // Only fields of the body itself. A field that is one of several alternatives is not required.
    private static bool IsMissed(string field, string message) =>
        !field.Contains('.', StringComparison.Ordinal)
        && message.Contains("is required", StringComparison.Ordinal) && !message.Contains("is required, or", StringComparison.Ordinal);

    // OpenAI's errors report only one mistake, and a wrong endpoint must not be it.
    private static JsonNode Sample(string field, JsonNode property) => field == "endpoint" ? "/v1/chat/completions" : $"{property["type"]?.ToJsonString()}" switch
    {
        var type when type.Contains("array", StringComparison.Ordinal) => new JsonArray(),
        var type when type.Contains("object", StringComparison.Ordinal) || property["$ref"] is not null => new JsonObject(),
        _ => Fresh.Name(),
    };
}
