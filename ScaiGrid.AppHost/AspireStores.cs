#if ASPIRE
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace ScaiGrid.AppHost;

/// <summary>The stores as containers, each with a volume and a health check, and the variables by which modes find them.</summary>
internal sealed class AspireStores
{
    private const string Http = "http";
    private const string MinioUser = "scaigrid";

    private readonly IResourceBuilder<MySqlDatabaseResource> _database;
    private readonly IResourceBuilder<RedisResource> _redis;
    private readonly IResourceBuilder<ContainerResource> _minio;
    private readonly IResourceBuilder<ContainerResource> _weaviate;
    private readonly IResourceBuilder<ContainerResource> _neo4j;
    private readonly IResourceBuilder<ParameterResource> _minioPassword;
    private readonly IResourceBuilder<ParameterResource> _weaviateKey;
    private readonly IResourceBuilder<ParameterResource> _neo4jPassword;

    public AspireStores(IDistributedApplicationBuilder builder)
    {
        _minioPassword = AddPassword(builder, "minio-password");
        _weaviateKey = AddPassword(builder, "weaviate-key");
        _neo4jPassword = AddPassword(builder, "neo4j-password");

        // AddDatabase creates the database in run mode only; in compose the variable does.
        _database = builder.AddMySql("mariadb")
            .WithImage("library/mariadb", "11.8")
            .WithEnvironment("MARIADB_DATABASE", "scaigrid")
            .WithDataVolume("scaigrid-mariadb")
            .AddDatabase("scaigrid");

        _redis = builder.AddRedis("redis").WithDataVolume("scaigrid-redis").WithArgs(AppendOnly);

        _minio = builder.AddContainer("minio", "minio/minio", "RELEASE.2025-04-22T22-12-26Z")
            .WithArgs("server", "/data")
            .WithEnvironment("MINIO_ROOT_USER", MinioUser)
            .WithEnvironment("MINIO_ROOT_PASSWORD", _minioPassword)
            .WithVolume("scaigrid-minio", "/data")
            .WithHttpEndpoint(targetPort: 9000, name: Http)
            .WithHttpHealthCheck("/minio/health/live", endpointName: Http);

        _weaviate = builder.AddContainer("weaviate", "semitechnologies/weaviate", "1.30.0")
            .WithEnvironment("PERSISTENCE_DATA_PATH", "/var/lib/weaviate")
            .WithEnvironment("DEFAULT_VECTORIZER_MODULE", "none")
            .WithEnvironment("CLUSTER_HOSTNAME", "weaviate")
            .WithEnvironment("AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED", "false")
            .WithEnvironment("AUTHENTICATION_APIKEY_ENABLED", "true")
            .WithEnvironment("AUTHENTICATION_APIKEY_ALLOWED_KEYS", _weaviateKey)
            .WithEnvironment("AUTHENTICATION_APIKEY_USERS", "scaigrid")
            .WithVolume("scaigrid-weaviate", "/var/lib/weaviate")
            .WithHttpEndpoint(targetPort: 8080, name: Http)
            .WithHttpHealthCheck("/v1/.well-known/ready", endpointName: Http);

        _neo4j = builder.AddContainer("neo4j", "library/neo4j", "5.26")
            .WithEnvironment("NEO4J_AUTH", ReferenceExpression.Create($"neo4j/{_neo4jPassword.Resource}"))
            .WithVolume("scaigrid-neo4j", "/data")
            .WithHttpEndpoint(targetPort: 7474, name: Http)
            .WithHttpHealthCheck("/", endpointName: Http);
    }

    public void GiveTo(IResourceBuilder<ProjectResource> project, Mode mode)
    {
        if (mode.Requires(Needs.Database))
        {
            project.WithReference(_database).WaitFor(_database);
        }

        if (mode.Requires(Needs.Redis))
        {
            project.WithReference(_redis).WaitFor(_redis);
        }

        if (mode.Requires(Needs.Blobs))
        {
            project.WithEnvironment(NeedVariables.S3Endpoint, _minio.GetEndpoint(Http))
                .WithEnvironment(NeedVariables.S3Bucket, "scaigrid")
                .WithEnvironment(NeedVariables.S3ForcePathStyle, "true")
                .WithEnvironment(NeedVariables.S3AccessKeyId, MinioUser)
                .WithEnvironment(NeedVariables.S3SecretAccessKey, _minioPassword)
                .WaitFor(_minio);
        }

        // Not waited for: the modes start without them.
        if (mode.Requires(Needs.SearchStores))
        {
            project.WithEnvironment(NeedVariables.WeaviateUrl, _weaviate.GetEndpoint(Http))
                .WithEnvironment(NeedVariables.WeaviateApiKey, _weaviateKey)
                .WithEnvironment(NeedVariables.Neo4jUrl, _neo4j.GetEndpoint(Http))
                .WithEnvironment(NeedVariables.Neo4jUser, "neo4j")
                .WithEnvironment(NeedVariables.Neo4jPassword, _neo4jPassword);
        }
    }

    /// <summary>In local runs generated once and kept, like the volumes; left open when published.</summary>
    private static IResourceBuilder<ParameterResource> AddPassword(IDistributedApplicationBuilder builder, string name) =>
        builder.ExecutionContext.IsRunMode
            ? builder.AddParameter(name, new GenerateParameterDefault { MinLength = 32, Special = false }, secret: true, persist: true)
            : builder.AddParameter(name, secret: true);

    /// <summary>AddRedis passes the whole command to a shell as its last argument: further arguments would be the shell's.</summary>
    private static void AppendOnly(CommandLineArgsCallbackContext context)
    {
        if (context.Args.LastOrDefault() is string command && command.StartsWith("redis-server", StringComparison.Ordinal))
        {
            context.Args[context.Args.Count - 1] = command + " --appendonly yes";
        }
        else
        {
            context.Args.Add("--appendonly");
            context.Args.Add("yes");
        }
    }
}
#endif
