namespace ScaiGrid.DevIdentity;

/// <summary>Somebody who can sign in at the development provider.</summary>
internal sealed record Person(string Subject, string Email, string Name);

/// <summary>
/// Two tenants with a person for each role, named by tenant and role: <c>tenant_admin@acme.example</c>. The AppHost makes the same
/// tenants and users in ScaiGrid.
/// </summary>
internal static class People
{
    private static readonly string[] Tenants = ["acme", "globex"];

    private static readonly string[] Roles = ["super_admin", "partner_admin", "partner_viewer", "tenant_admin", "tenant_user", "tenant_viewer"];

    public static readonly IReadOnlyList<Person> All =
    [
        .. from tenant in Tenants
           from role in Roles
           select new Person($"dev-{tenant}-{role}", $"{role}@{tenant}.example", $"{role} of {tenant}"),
    ];

    public static Person? Find(string? subject) => All.FirstOrDefault(person => person.Subject == subject);
}
