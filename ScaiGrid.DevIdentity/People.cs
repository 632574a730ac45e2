namespace ScaiGrid.DevIdentity;

/// <summary>A user who can sign in at the development provider.</summary>
internal sealed record Person(string Tenant, string Role)
{
    public string Subject => $"dev-{Tenant}-{Role}";

    public string Email => $"{Role}@{Tenant}.example";

    public string Name => $"{Role} of {Tenant}";
}

/// <summary>
/// Two tenants with one user per role, named by tenant and role: <c>tenant_admin@acme.example</c>. The AppHost creates them in ScaiGrid
/// from this same list.
/// </summary>
internal static class People
{
    public static readonly IReadOnlyList<Person> All =
    [
        .. from tenant in (string[])["acme", "globex"]
           from role in (string[])["super_admin", "partner_admin", "partner_viewer", "tenant_admin", "tenant_user", "tenant_viewer"]
           select new Person(tenant, role),
    ];

    public static Person? Find(string? subject) => All.FirstOrDefault(person => person.Subject == subject);
}
