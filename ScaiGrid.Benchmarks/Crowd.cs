using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MySqlConnector;

namespace ScaiGrid.Benchmarks;

/// <summary>Fills the database by SQL with many tenants, each with users, keys and a budget, and many models on one backend.</summary>
internal static class Crowd
{
    public const int Tenants = 100;
    public const int Keys = 10_000;
    public const int Models = 1_000;

    /// <summary>Each key once, with alternating models.</summary>
    public static IReadOnlyList<(string? Key, string Model)> Callers => [.. Enumerable.Range(1, Keys).Select(n => ((string?)Key(n), $"crowd/{n % Models + 1}"))];

    public static async Task FillAsync(string connectionString, string backendId)
    {
        await using var connection = new MySqlConnection(connectionString);
        await connection.OpenAsync();
        foreach (var statement in Statements(backendId))
        {
            await using var command = new MySqlCommand(statement, connection);
            await command.ExecuteNonQueryAsync();
        }

        // Hashed here, where the keys are generated.
        foreach (var part in Enumerable.Range(1, Keys).Chunk(1000))
        {
            var rows = part.Select(n =>
                $"('{Id("apikey", n)}', '{Id("tnt", TenantOf(n))}', '{Id("usr", n)}', 'crowd', '{Hash(Key(n))}', 'sgk_', 0, '{Id("usr", n)}')");
            await using var command = new MySqlCommand(
                $"INSERT INTO api_keys (id, tenant_id, user_id, name, hash, prefix, created_at, created_by) VALUES {string.Join(',', rows)}", connection);
            await command.ExecuteNonQueryAsync();
        }
    }

    private static string[] Statements(string backendId) =>
    [
        $"INSERT INTO partners (id, slug, display_name, created_at, updated_at) VALUES ('{Id("prt", 1)}', 'crowd', 'Crowd', 0, 0)",
        $"""
        INSERT INTO tenants (id, partner_id, slug, display_name, status, settings, created_at, updated_at)
        SELECT {IdOf("tnt", "seq")}, '{Id("prt", 1)}', CONCAT('crowd-', seq), 'Crowd', 'active', '{"{}"}', 0, 0 FROM seq_1_to_{Tenants}
        """,
        $"""
        INSERT INTO users (id, tenant_id, email, display_name, status, created_at, updated_at)
        SELECT {IdOf("usr", "seq")}, {IdOf("tnt", $"seq MOD {Tenants} + 1")}, CONCAT(seq, '@crowd.example'), 'Crowd', 'active', 0, 0 FROM seq_1_to_{Keys}
        """,
        $"INSERT INTO user_roles (user_id, role) SELECT {IdOf("usr", "seq")}, 'tenant_user' FROM seq_1_to_{Keys}",
        $"""
        INSERT INTO models (id, slug, display_name, description, modality, capabilities, context_window, input_price_per_mtok, output_price_per_mtok, default_params, status, metadata, created_at, updated_at)
        SELECT {IdOf("mdl", "seq")}, CONCAT('crowd/', seq), 'Crowd', '', 'chat', '["chat"]', context_window, input_price_per_mtok, output_price_per_mtok, default_params, status, metadata, 0, 0
        FROM seq_1_to_{Models} JOIN models mock ON mock.slug = '{Installation.Model}'
        """,
        $"INSERT INTO routing_policies (model_id, strategy, updated_at) SELECT {IdOf("mdl", "seq")}, 'weighted', 0 FROM seq_1_to_{Models}",
        $"INSERT INTO routing_targets (model_id, backend_id, weight, priority) SELECT {IdOf("mdl", "seq")}, '{backendId}', 1, 0 FROM seq_1_to_{Models}",
        $"""
        INSERT INTO budgets (id, partner_id, tenant_id, scope, scope_id, name, period, cost_limit, hard_action, soft_limit_millionths, managed_by, created_by, created_at, updated_at)
        SELECT {IdOf("bdg", "seq")}, '{Id("prt", 1)}', {IdOf("tnt", "seq")}, 'tenant', {IdOf("tnt", "seq")}, 'crowd', 'monthly', 1000000000000000, 'block', 800000, managed_by, created_by, 0, 0
        FROM seq_1_to_{Tenants} JOIN budgets bench ON bench.name = 'bench'
        """,
    ];

    private static int TenantOf(int key) => (key % Tenants) + 1;

    private static string Key(int n) => $"sgk_crowd-key-{n.ToString("D30", CultureInfo.InvariantCulture)}";

    private static string Id(string prefix, int n) => $"{prefix}_{n.ToString("D26", CultureInfo.InvariantCulture)}";

    private static string IdOf(string prefix, string number) => $"CONCAT('{prefix}_', LPAD({number}, 26, '0'))";

    private static string Hash(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}
