using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.IdentityModel.Tokens;
using ScaiGrid.Core.Identity;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>Authentication with tokens of the identity provider: what they permit, and every way to forge one.</summary>
[Collection(IssuerCollection.Name)]
public sealed class IssuerTokenTests(Grid grid, IssuerGrid issuers) : ServicesTest(grid)
{
    private FakeIssuer Issuer => issuers.Issuer;

    [Fact]
    public async Task Token_IsItsUser_WithTheRolesThatTheyHoldHere()
    {
        var (subject, user) = await UserAsync(Roles.TenantUser);
        var token = Issuer.Token(subject, new() { ["role"] = "super_admin", ["permissions"] = new[] { "admin:access" } });
        using var api = issuers.As(token);
        var me = (await api.GetAsync("/v1/me")).Ok();
        Assert.Equal(user.Id, (string?)me["user"]!["id"]);
        Assert.Equal([Roles.TenantUser], me["roles"]!.AsArray().Select(role => (string?)role));
        (await api.ChatAsync("scailabs/echo")).Ok();
        (await api.GetAsync("/health/detailed")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await api.PostAsync("/v1/auth/logout", new { })).Error(409, "CONFLICT");
    }

    [Fact]
    public async Task EllipticKey_IsGood_UnderItsOwnNameOnly()
    {
        var (subject, _) = await UserAsync();
        await AcceptsAsync(Issuer.Token(subject, key: Issuer.Keys[1]));
        await RefusesAsync(Issuer.Token(subject, key: Signed(Issuer.Keys[1], SecurityAlgorithms.EcdsaSha256, "first")));
    }

    [Fact]
    public async Task Grpc_TakesTheSameToken()
    {
        var (subject, _) = await UserAsync(Roles.TenantUser);
        await Poll.UntilAsync(async () => await IsKnownAsync(Issuer.Token(subject)), "the user on the grpc replica");
        Assert.NotEmpty((await ListAsync(Issuer.Token(subject))).Models);
        var failure = await Assert.ThrowsAsync<RpcException>(() => ListAsync(Issuer.Token("nobody")));
        Assert.Equal(StatusCode.Unauthenticated, failure.StatusCode);
        Assert.Equal("AUTH_TOKEN_INVALID", failure.Trailers.GetValue("scaigrid-error-code"));

        async Task<bool> IsKnownAsync(string token)
        {
            try
            {
                return await ListAsync(token) is not null;
            }
            catch (RpcException)
            {
                return false;
            }
        }

        async Task<ListModelsResponse> ListAsync(string token)
        {
            using var channel = GrpcChannel.ForAddress(issuers.Grpc.BaseAddress);
            return await new InferenceService.InferenceServiceClient(channel)
                .ListModelsAsync(new ListModelsRequest(), new Metadata { { "authorization", $"Bearer {token}" } });
        }
    }

    [Fact]
    public async Task SuspendedUser_IsOutAtOnce_WithAValidToken()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        var subject = Fresh.Name();
        using var user = await issuers.AddUserAsync(tenant, subject);
        var token = Issuer.Token(subject);
        await AcceptsAsync(token);
        await tenant.SuspendAsync(user);
        using var api = issuers.As(token);
        await Poll.UntilAsync(async () => (int)(await api.GetAsync("/v1/me")).Status == 401, "the suspension");
        (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
    }

    [Fact]
    public async Task TenantClaim_MustBeTheUsersTenant_AndChoosesAmongSeveral()
    {
        var subject = Fresh.Name();
        var (ours, other) = (await SeededTenant.CreateAsync(Grid), await SeededTenant.CreateAsync(Grid));
        using var user = await issuers.AddUserAsync(ours, subject);
        var external = $"ext-{ours.Slug}";
        await AcceptsAsync(Issuer.Token(subject, new() { ["tenant_id"] = ours.Slug }), user.Id);
        await Services.MariaDb.ExecuteAsync("UPDATE tenants SET external_slug = @slug WHERE id = @id", ("slug", $"slug-{ours.Slug}"), ("id", ours.Id));
        await issuers.TieAsync("tenants", ours.Id, external);
        foreach (var name in new[] { ours.Id, $"slug-{ours.Slug}", external })
        {
            await AcceptsAsync(Issuer.Token(subject, new() { ["tenant_id"] = name }), user.Id);
        }

        await RefusesAsync(Issuer.Token(subject, new() { ["tenant_id"] = ours.Slug }));
        await RefusesAsync(Issuer.Token(subject, new() { ["tenant_id"] = other.Id }));
        using var twin = await issuers.AddUserAsync(other, subject);
        await AcceptsAsync(Issuer.Token(subject, new() { ["tenant_id"] = other.Id }), twin.Id);
        await AcceptsAsync(Issuer.Token(subject, new() { ["tenant_id"] = ours.Id }), user.Id);
        await RefusesAsync(Issuer.Token(subject));
    }

    [Fact]
    public async Task ForgedTokens_AreRefused()
    {
        var (subject, _) = await UserAsync();
        var rsa = ((RsaSecurityKey)Issuer.Keys[0].Key).Rsa;
        var parts = Issuer.Token(subject).Split('.');
        var unsigned = $"{Encode(new { alg = "none", typ = "JWT", kid = "first" })}.{parts[1]}.";
        await RefusesAsync(unsigned);
        await RefusesAsync(unsigned + parts[2]);
        await RefusesAsync($"{Encode(new { alg = "None", typ = "JWT" })}.{parts[1]}.");

        // The public key as the secret of an HMAC, in the formats that vulnerable libraries have accepted.
        foreach (var secret in new[] { rsa.ExportSubjectPublicKeyInfoPem(), rsa.ExportRSAPublicKeyPem() })
        {
            await RefusesAsync(Hmac("first", parts[1], Encoding.ASCII.GetBytes(secret)));
            await RefusesAsync(Hmac("first", parts[1], Encoding.ASCII.GetBytes(secret + "\n")));
        }

        await RefusesAsync(Hmac("first", parts[1], rsa.ExportSubjectPublicKeyInfo()));

        // A key that the token itself contains or refers to.
        await RefusesAsync(Issuer.Token(subject, key: FakeIssuer.Rsa("first")));
        using var own = RSA.Create(2048);
        var jwk = JsonWebKeyConverter.ConvertFromRSASecurityKey(new RsaSecurityKey(own.ExportParameters(false)));
        var header = Encode(new { alg = "RS256", typ = "JWT", jwk = new { kty = "RSA", n = jwk.N, e = jwk.E }, jku = $"{Issuer.Url}/jwks" });
        var signature = own.SignData(Encoding.ASCII.GetBytes($"{header}.{parts[1]}"), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        await RefusesAsync($"{header}.{parts[1]}.{Base64UrlEncoder.Encode(signature)}");

        // The right key with algorithms that are not allowed, and the payload of another token.
        await RefusesAsync(Issuer.Token(subject, key: Signed(Issuer.Keys[0], SecurityAlgorithms.RsaSsaPssSha256, "first")));
        await RefusesAsync(Issuer.Token(subject, key: Signed(Issuer.Keys[0], SecurityAlgorithms.RsaSha512, "first")));
        await RefusesAsync($"{parts[0]}.{Issuer.Token("other").Split('.')[1]}.{parts[2]}");
        foreach (var text in new[] { "ey..", "eyJ.e.e", $"{parts[0]}.{parts[1]}.", $"ey{new string('a', 20000)}.b.c", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA" })
        {
            await RefusesAsync(text);
        }
    }

    [Fact]
    public async Task WrongClaims_AreRefused_WithAMinuteOfGrace()
    {
        var (subject, _) = await UserAsync();
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        await RefusesAsync(Issuer.Token(subject, new() { ["iss"] = "https://evil.example" }));
        await RefusesAsync(Issuer.Token(subject, new() { ["iss"] = Issuer.Name + "/" }));
        await RefusesAsync(Issuer.Token(subject, new() { ["iss"] = null }));
        await RefusesAsync(Issuer.Token(subject, new() { ["aud"] = "another-api" }));
        await RefusesAsync(Issuer.Token(subject, new() { ["aud"] = null }));
        await RefusesAsync(Issuer.Token(subject, new() { ["exp"] = now - 90, ["nbf"] = now - 3600 }));
        await RefusesAsync(Issuer.Token(subject, new() { ["exp"] = null }));
        await RefusesAsync(Issuer.Token(subject, new() { ["nbf"] = now + 90 }));
        await RefusesAsync(Issuer.Token(subject, new() { ["sub"] = null }));
        await RefusesAsync(Issuer.Token(subject, new() { ["token_type"] = "refresh" }));
        await RefusesAsync(Issuer.Token($"{subject}-unknown"));
        await AcceptsAsync(Issuer.Token(subject, new() { ["exp"] = now - 30, ["nbf"] = now - 3600 }));
        await AcceptsAsync(Issuer.Token(subject, new() { ["nbf"] = now + 30 }));
        await AcceptsAsync(Issuer.Token(subject, new() { ["aud"] = new[] { "another-api", FakeIssuer.Audience } }));
    }

    private async Task<(string Subject, SeededUser User)> UserAsync(string role = Roles.TenantUser)
    {
        var subject = Fresh.Name();
        return (subject, await issuers.AddUserAsync(await SeededTenant.CreateAsync(Grid), subject, role));
    }

    private async Task AcceptsAsync(string token, string? userId = null)
    {
        using var api = issuers.As(token);
        Answer? answer = null;
        await Poll.UntilAsync(async () => (int)(answer = await api.GetAsync("/v1/me")).Status == 200, "the token's user");
        Assert.True(userId is null || userId == (string?)answer!.Ok()["user"]!["id"], answer!.Text);
    }

    private async Task RefusesAsync(string token)
    {
        using var api = issuers.As(token);
        (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
    }

    private static SigningCredentials Signed(SigningCredentials key, string algorithm, string keyId) => new(
        key.Key is RsaSecurityKey rsa ? new RsaSecurityKey(rsa.Rsa) { KeyId = keyId } : new ECDsaSecurityKey(((ECDsaSecurityKey)key.Key).ECDsa) { KeyId = keyId }, algorithm);

    private static string Hmac(string keyId, string payload, byte[] secret)
    {
        var signed = $"{Encode(new { alg = "HS256", typ = "JWT", kid = keyId })}.{payload}";
        return $"{signed}.{Base64UrlEncoder.Encode(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(signed)))}";
    }

    private static string Encode(object header) => Base64UrlEncoder.Encode(JsonSerializer.SerializeToUtf8Bytes(header));
}
