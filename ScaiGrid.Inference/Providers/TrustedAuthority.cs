using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ScaiGrid.Inference.Providers;

/// <summary>The certificates of an upstream's own authority, such as a company's: its TLS certificate is verified by them alone, in place of the system's.</summary>
internal sealed class TrustedAuthority
{
    private const int MaxLength = 64 * 1024;

    private readonly X509Certificate2Collection _certificates;

    private TrustedAuthority(X509Certificate2Collection certificates)
    {
        _certificates = certificates;
        Id = string.Concat(certificates.Select(certificate => certificate.GetCertHashString(HashAlgorithmName.SHA256)).Order(StringComparer.Ordinal));
    }

    /// <summary>The same for the same certificates, however they are written.</summary>
    public string Id { get; }

    /// <summary>Reads certificates in PEM. Text without any, which no validated configuration has, trusts nothing.</summary>
    public static TrustedAuthority Of(string pem) => new(Read(pem) ?? []);

    /// <summary>Checks a configured text: returns the mistake, or null.</summary>
    public static string? Check(string? pem) =>
        pem is not { Length: <= MaxLength } ? $"must be one or more certificates in PEM, of at most {MaxLength} characters."
        : pem.Contains("PRIVATE KEY", StringComparison.Ordinal) ? "contains a private key: only certificates belong here."
        : Read(pem) is { Count: > 0 } ? null
        : "must be one or more certificates in PEM: -----BEGIN CERTIFICATE-----, Base64, -----END CERTIFICATE-----.";

    /// <summary>The TLS options of a client that trusts this authority only.</summary>
    public SslClientAuthenticationOptions Options()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(_certificates);
        return new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
    }

    private static X509Certificate2Collection? Read(string pem)
    {
        try
        {
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPem(pem);
            return certificates;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
