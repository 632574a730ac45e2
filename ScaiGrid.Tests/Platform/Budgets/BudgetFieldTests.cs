using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Budgets;

public sealed class BudgetFieldTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData("""{"scope":"planet","period":"daily","cost_limit":"1"}""", "scope")]
    [InlineData("""{"period":"daily","cost_limit":"1"}""", "scope")]
    [InlineData("""{"scope":"tenant","period":"hourly","cost_limit":"1"}""", "period")]
    [InlineData("""{"scope":"tenant","cost_limit":"1"}""", "period")]
    [InlineData("""{"scope":"tenant","period":"daily"}""", "cost_limit")]
    [InlineData("""{"scope":"tenant","period":"daily","cost_limit":"-1"}""", "cost_limit")]
    [InlineData("""{"scope":"tenant","period":"daily","token_limit":-1}""", "token_limit")]
    [InlineData("""{"scope":"tenant","period":"daily","request_limit":1,"soft_limit_pct":1.5}""", "soft_limit_pct")]
    [InlineData("""{"scope":"tenant","period":"daily","request_limit":1,"hard_action":"explode"}""", "hard_action")]
    [InlineData("""{"scope":"tenant","scope_id":"tnt_none","period":"daily","request_limit":1}""", "scope_id")]
    [InlineData("""{"scope":"user","period":"daily","request_limit":1}""", "scope_id")]
    public async Task WrongField_IsNamed(string body, string field)
    {
        (await Admin.SendAsync(HttpMethod.Post, "/v1/accounting/budgets", body)).Invalid(field);
    }

    [Fact]
    public async Task UnknownBudget_Is404()
    {
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Put, HttpMethod.Delete })
        {
            (await Admin.SendAsync(method, "/v1/accounting/budgets/bdg_none", method == HttpMethod.Put ? "{}" : null)).Error(404, "NOT_FOUND");
        }
    }
}
