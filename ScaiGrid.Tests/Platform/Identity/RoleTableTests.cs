using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>
/// Every operation of the OpenAPI document, called without credentials, and by each role: in the tenant that owns the resource, in another tenant of its
/// partner, and in another partner. Each call gets the status that follows from the operation's declared permission.
/// </summary>
public sealed class RoleTableTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task EveryPathWithAParameter_HasARow()
    {
        var paths = (await GuardedOperation.ReadAsync(Admin)).Where(operation => !operation.IsAnonymous).Select(operation => operation.ResourcePath).OfType<string>();
        var missing = paths.Except(RoleTable.Resources.Select(resource => resource.Path)).Except(RoleTable.Elsewhere.Keys);
        Assert.True(!missing.Any(), $"RoleTable has no row for these paths: {string.Join(", ", missing)}");
        var tests = typeof(RoleTable).Assembly.GetTypes().Select(type => type.Name).ToHashSet();
        Assert.All(RoleTable.Elsewhere.Values, reason => Assert.Contains(reason.Split(':')[0], tests));
    }

    [Fact]
    public async Task Nobody_GetsInWithoutACredential()
    {
        using var nobody = Admin.As(null);
        using var stranger = Admin.As("sgk_0123456789abcdefghijklmnopqrstuvwxyz-ABCDEF");
        foreach (var operation in (await GuardedOperation.ReadAsync(Admin)).Where(operation => !operation.IsAnonymous))
        {
            var path = operation.Path.Replace("{", "", StringComparison.Ordinal).Replace("}", "", StringComparison.Ordinal);
            await RefusedAsync(nobody, "AUTH_TOKEN_MISSING");
            await RefusedAsync(stranger, "AUTH_TOKEN_INVALID");

            async Task RefusedAsync(ApiDriver caller, string code)
            {
                var answer = await CallAsync(caller, operation, path);
                if ((int)answer.Status == 415)
                {
                    // The operation expects a form. The framework refuses other content types before authentication.
                    return;
                }

                Assert.True((int)answer.Status == 401 && answer.Text.Contains($"\"{code}\"", StringComparison.OrdinalIgnoreCase), $"{operation}: {answer.Status} {answer.Text}");
            }
        }
    }

    [Theory]
    [InlineData(Roles.TenantViewer)]
    [InlineData(Roles.TenantUser)]
    [InlineData(Roles.TenantAdmin)]
    [InlineData(Roles.PartnerViewer)]
    [InlineData(Roles.PartnerAdmin)]
    [InlineData(Roles.SuperAdmin)]
    public async Task Role_GetsWhatTheDeclaredPermissionSays(string role)
    {
        var ours = await SeededTenant.CreateAsync(Grid);
        using var own = await ours.AddUserAsync(role);
        using var sibling = await (await SeededTenant.CreateAsync(Grid, sibling: ours)).AddUserAsync(role);
        using var stranger = await (await SeededTenant.CreateAsync(Grid)).AddUserAsync(role);
        var rows = RoleTable.Resources.ToDictionary(resource => resource.Path);
        var made = new Dictionary<string, string>();
        var breaches = new List<string>();

        // Deletions come last, because the resource is needed until then.
        foreach (var operation in (await GuardedOperation.ReadAsync(Admin)).Where(operation => !operation.IsAnonymous).OrderBy(operation => operation.Method == "DELETE"))
        {
            if (operation.ResourcePath is not { } resourcePath)
            {
                await CheckAsync(own, operation, operation.Path, IsThere.Yes);
            }
            else if (rows.TryGetValue(resourcePath, out var resource))
            {
                if (!made.TryGetValue(resourcePath, out var address))
                {
                    made[resourcePath] = address = await resource.CreateAsync(Admin, ours, own);
                }

                var path = address + operation.Path[resourcePath.Length..];
                await CheckAsync(stranger, operation, path, Sees(resource, operation, role, inPartner: false));
                await CheckAsync(sibling, operation, path, Sees(resource, operation, role, inPartner: true));
                if (operation.Method == "DELETE" && operation.IsFor(role))
                {
                    // The previous callers may have deleted it.
                    path = await resource.CreateAsync(Admin, ours, own) + operation.Path[resourcePath.Length..];
                }

                await CheckAsync(own, operation, path, IsThere.Yes);
            }
        }

        Assert.True(breaches.Count == 0, string.Join('\n', breaches));

        async Task CheckAsync(SeededUser caller, GuardedOperation operation, string path, IsThere isThere)
        {
            var answer = await CallAsync(caller.Api, operation, path);
            var status = (int)answer.Status;
            var isExpected = !operation.IsFor(role) ? status is 403 or 415
                : isThere == IsThere.No ? status == 404
                : operation.Method == "GET" && operation.ResourcePath is not null ? status == 200 || (isThere == IsThere.Perhaps && status == 404)

                // An empty body refers to nothing that exists: these statuses are about the request, and not about the caller.
                : status is 200 or 201 or 202 or 204 or 400 or 409 or 415 or 422
                || answer.Text.Contains("PROVIDER_DISCOVERY_ERROR", StringComparison.Ordinal) || (isThere == IsThere.Perhaps && status == 404);
            if (!isExpected)
            {
                var place = caller == own ? "own tenant" : caller == sibling ? "another tenant" : "another partner";
                breaches.Add($"{operation} as {role} of {place}: {status} {answer.Text}");
            }
        }
    }

    /// <summary>Whether the resource exists for the same role elsewhere.</summary>
    private static IsThere Sees(Resource resource, GuardedOperation operation, string role, bool inPartner)
    {
        if (resource.Owner == Owner.Grid)
        {
            return operation.Method == "DELETE" ? IsThere.Perhaps : IsThere.Yes;
        }

        // A user's resources are visible to others if they manage users.
        var permission = resource.Owner == Owner.User ? Permissions.ManageUsers : operation.Permissions[0];
        Reach? reach = Roles.Holds[role].Contains(permission) ? Roles.ReachOf([role], permission) : null;
        var isSeen = resource.Owner != Owner.Members
            && (reach == Reach.Grid || (reach == Reach.Partner && inPartner && resource.Owner != Owner.Visible));

        // What one caller deletes is gone for the next.
        return !isSeen ? IsThere.No : operation.Method == "DELETE" ? IsThere.Perhaps : IsThere.Yes;
    }

    private static Task<Answer> CallAsync(ApiDriver caller, GuardedOperation operation, string path) =>
        caller.SendAsync(HttpMethod.Parse(operation.Method), path, operation.Method is "GET" or "HEAD" or "DELETE" ? null : "{}");

    private enum IsThere
    {
        No,

        Perhaps,

        Yes,
    }
}
