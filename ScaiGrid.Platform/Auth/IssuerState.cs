using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace ScaiGrid.Platform.Auth;

/// <summary>The loaded state of an issuer.</summary>
/// <param name="Address">The address at which it was found.</param>
/// <param name="Document">Its discovery document.</param>
/// <param name="Keys">Its signing keys.</param>
/// <param name="LoadedAt">Timestamp of <see cref="TimeProvider.GetTimestamp"/>.</param>
internal sealed record IssuerState(IssuerAddress Address, OpenIdConnectConfiguration Document, IReadOnlyList<SecurityKey> Keys, long LoadedAt)
{
    /// <summary>The keys to verify a token with: the one that it names, or all if it names none.</summary>
    public IReadOnlyList<SecurityKey> KeysFor(string? keyId) => string.IsNullOrEmpty(keyId) ? Keys : [.. Keys.Where(key => key.KeyId == keyId)];
}
