using ScaiGrid.Tests.Support;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>A user whom the test issuer knows, and the application that signs them in.</summary>
internal sealed record SignedInPerson(IssuerGrid Issuers, SignInDriver App, SeededTenant Tenant, SeededUser User, string Subject)
{
    public static async Task<SignedInPerson> CreateAsync(Grid grid, IssuerGrid issuers)
    {
        var tenant = await SeededTenant.CreateAsync(grid);
        var subject = Fresh.Name();
        var user = await issuers.AddUserAsync(tenant, subject);
        await grid.Services!.MariaDb.ExecuteAsync("UPDATE users SET email = LOWER(email) WHERE id = @id", ("id", user.Id));
        return new SignedInPerson(issuers, new SignInDriver(issuers.As(null), user.Email, tenant.Id), tenant, user, subject);
    }

    public async Task<(string Access, string Refresh)> SignInAsync()
    {
        var code = await App.CodeAsync(Issuers.Issuer.SignIn(await App.AuthorizeUrlAsync(), Subject));
        return SignInDriver.Tokens((await App.TokenAsync(code)).Ok());
    }
}
