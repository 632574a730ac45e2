namespace ScaiGrid.AppHost;

/// <summary>The settings that a mode needs. Others are withheld from it, even if they are in our own environment.</summary>
[Flags]
internal enum Needs
{
    None = 0,
    Database = 1 << 0,
    Redis = 1 << 1,
    Blobs = 1 << 2,
    SecretKey = 1 << 3,
    CapabilityKey = 1 << 4,
    BootstrapKey = 1 << 5,
    ServiceTokens = 1 << 6,
    SearchStores = 1 << 7,
    IdentityProvider = 1 << 8,
}

/// <summary>The environment variables of each need.</summary>
internal static class NeedVariables
{
    public const string DatabaseUrl = "SCAIGRID_DATABASE_URL";
    public const string DatabaseConnection = "ConnectionStrings__scaigrid";
    public const string RedisUrl = "SCAIGRID_REDIS_URL";
    public const string RedisConnection = "ConnectionStrings__redis";
    public const string StoragePath = "SCAIGRID_STORAGE_PATH";
    public const string S3Endpoint = "SCAIGRID_S3_ENDPOINT";
    public const string S3AccessKeyId = "SCAIGRID_S3_ACCESS_KEY_ID";
    public const string S3SecretAccessKey = "SCAIGRID_S3_SECRET_ACCESS_KEY";
    public const string S3ForcePathStyle = "SCAIGRID_S3_FORCE_PATH_STYLE";
    public const string S3Bucket = "SCAIGRID_S3_BUCKET";
    public const string SecretKey = "SCAIGRID_SECRET_KEY";
    public const string PreviousSecretKeys = "SCAIGRID_SECRET_KEY_PREVIOUS";
    public const string CapabilityKey = "SCAIGRID_STORAGE_CAPABILITY_KEY";
    public const string BootstrapApiKey = "SCAIGRID_BOOTSTRAP_API_KEY";
    public const string ServiceTokens = "SCAIGRID_SERVICE_TOKENS";
    public const string Issuer = "SCAIGRID_SCAIKEY_ISSUER";
    public const string ClientId = "SCAIGRID_SCAIKEY_CLIENT_ID";
    public const string ClientSecret = "SCAIGRID_SCAIKEY_CLIENT_SECRET";
    public const string Audience = "SCAIGRID_SCAIKEY_AUDIENCE";
    public const string WebhookSecret = "SCAIGRID_SCAIKEY_WEBHOOK_SECRET";
    public const string PublicUrl = "SCAIGRID_PUBLIC_URL";
    public const string RedirectUris = "SCAIGRID_AUTH_REDIRECT_URIS";
    public const string WeaviateUrl = "SCAIGRID_WEAVIATE_URL";
    public const string WeaviateApiKey = "SCAIGRID_WEAVIATE_API_KEY";
    public const string Neo4jUrl = "SCAIGRID_NEO4J_URL";
    public const string Neo4jUser = "SCAIGRID_NEO4J_USER";
    public const string Neo4jPassword = "SCAIGRID_NEO4J_PASSWORD";
    public const string ListenAddress = "SCAIGRID_LISTEN_ADDRESS";
    public const string DataDirectory = "SCAIGRID_DATA_DIR";

    public static readonly IReadOnlyList<(Needs Need, IReadOnlyList<string> Names)> Secret =
    [
        (Needs.Database, [DatabaseUrl, DatabaseConnection]),
        (Needs.Redis, [RedisUrl, RedisConnection]),
        (Needs.Blobs, [S3AccessKeyId, S3SecretAccessKey]),
        (Needs.SecretKey, [SecretKey, PreviousSecretKeys]),
        (Needs.CapabilityKey, [CapabilityKey]),
        (Needs.BootstrapKey, [BootstrapApiKey]),
        (Needs.ServiceTokens, [ServiceTokens]),
        (Needs.IdentityProvider, [ClientSecret, WebhookSecret]),
        (Needs.SearchStores, [WeaviateUrl, WeaviateApiKey, Neo4jUrl, Neo4jUser, Neo4jPassword]),
    ];
}
