using System.Text;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using Xunit;

namespace ScaiGrid.Tests.Core.Http;

public sealed class CursorTests
{
    [Fact]
    public void LastId_ComesBack()
    {
        var id = Ids.New(Ids.ApiKey, TimeProvider.System);

        Assert.Equal(id, Cursor.Decode(Cursor.Encode(id), Ids.ApiKey));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void NoCursor_IsTheFirstPage(string? cursor) => Assert.Null(Cursor.Decode(cursor, Ids.Usage));

    [Fact]
    public void CursorOfAnotherList_IsRefused() => AssertRefused("cursor", () => Cursor.Decode(Cursor.Encode(Ids.New(Ids.Model, TimeProvider.System)), Ids.Usage));

    [Theory]
    [InlineData("usage_1")] // a plain id instead of an encoded one
    [InlineData("****")]
    [InlineData("dXNhZ2U")] // "usage": not an id
    [InlineData("dXNhZ2VfJyBPUiAxPTEgLS0")] // "usage_' OR 1=1 --"
    public void Nonsense_IsRefused(string cursor) => AssertRefused("cursor", () => Cursor.Decode(cursor, Ids.Usage));

    [Fact]
    public void LongOnes_AreRefused()
    {
        AssertRefused("cursor", () => Cursor.Decode(Cursor.Encode("usage_" + new string('0', 40)), Ids.Usage));
        AssertRefused("cursor", () => Cursor.Decode(Convert.ToBase64String(Encoding.ASCII.GetBytes("usage_" + new string('0', 100_000))), Ids.Usage));
    }

    [Theory]
    [InlineData(null, 50)]
    [InlineData(1, 1)]
    [InlineData(1000, 1000)]
    public void Limit_IsTaken(int? limit, int expected) => Assert.Equal(expected, Cursor.Limit(limit));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1001)]
    public void Limit_OutOfRange_IsRefused(int limit) => AssertRefused("limit", () => Cursor.Limit(limit));

    private static void AssertRefused(string field, Func<object?> read)
    {
        var problem = Assert.Throws<ApiException>(read).Problem;

        Assert.Equal(CoreErrors.Validation, problem.Error);
        Assert.Equal(field, Assert.Single(problem.Details!).Field);
    }
}
